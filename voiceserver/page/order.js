// What is understood so far of what the caller asks for, beside the talk.

import { make } from "./dom.js";

const STAGES = {
	filling: "Taking it down",
	doubting: "To be sure",
	confirming: "To be confirmed",
	changing: "To be changed",
	done: "Confirmed",
};

export class Order {
	#node;

	// node: hidden while nothing is asked for.
	constructor(node) {
		this.#node = node;
	}

	// form: {name, slots, stage}, as in voiceserver.form.updated.
	show({ name, slots, stage }) {
		this.#node.hidden = !(stage in STAGES);
		const rows = Object.entries(slots).flatMap(([slot, value]) => [
			make("dt", { textContent: slot.replaceAll("_", " ") }),
			make("dd", { textContent: value }),
		]);
		this.#node.replaceChildren(
			make("h2", { textContent: name }),
			make("p", { textContent: STAGES[stage] ?? "" }),
			make("dl", {}, ...rows),
		);
	}
}
