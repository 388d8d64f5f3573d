// One line: with which ears the server hears.

import { keyed } from "./key.js";

const OF = {
	pocketsphinx: "It hears simple English. For open speech: voiceserver models get whisper-base",
	whisper: "It hears open speech, by Whisper.",
};

export async function tellEars(place) {
	try {
		const reply = await fetch("/v1/models", { headers: keyed() });
		const { data } = await reply.json();
		const { id } = data.find(({ stage }) => stage === "recognition");
		place.textContent = OF[id] ?? `It hears by ${id}.`;
		place.hidden = false;
	} catch {
		place.hidden = true;
	}
}
