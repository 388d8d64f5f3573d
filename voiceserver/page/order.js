// What is understood so far of an order, beside the talk.

import { make } from "./dom.js";

// node: hidden while there is none; form: as in voiceserver.form.updated.
export function showOrder(node, { name, slots, stage }) {
	node.hidden = stage === "idle";
	const rows = Object.entries(slots).flatMap(([slot, value]) => [
		make("dt", { textContent: slot.replaceAll("_", " ") }),
		make("dd", { textContent: value }),
	]);
	const title = stage === "done" ? `${name} \u2713` : name;
	node.replaceChildren(make("h2", { textContent: title }), make("dl", {}, ...rows));
}
