// One line on the page: with which ears the server hears.

import { keyed } from "./key.js";

const OF = {
	pocketsphinx: "It hears simple English only. For open speech: voiceserver models get whisper-base, then start it again.",
	whisper: "It hears open speech, by Whisper.",
};

// Without an answer nothing is said.
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
