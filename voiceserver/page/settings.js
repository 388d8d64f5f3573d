// The settings dialog; remembers its choices in this browser.

import { keyed, keyFrom } from "./key.js";

const KEY = "voiceserver.settings";
const DEFAULTS = { voice: "", model: "", instructions: "", patience: "high" };
const PATIENCE = {
	high: "Answers as soon as you seem to have finished.",
	medium: "Leaves you a little time to go on.",
	low: "Waits while you think. Good for long or halting sentences.",
};

export class Settings extends EventTarget {
	#dialog;
	#form;
	#values;
	#server = { voice: "", model: "", instructions: "" }; // as the session began

	constructor(dialog) {
		super();
		this.#dialog = dialog;
		this.#form = dialog.querySelector("form");
		this.#values = { ...DEFAULTS, ...stored() };
		this.#offer("voice");
		this.#offer("model");
		this.#show();
		keyFrom(this.#field("key"));
		this.#form.addEventListener("change", () => this.#changed());
		dialog.addEventListener("click", (event) => {
			if (event.target === dialog) dialog.close(); // the backdrop
		});
	}

	open() {
		this.#dialog.showModal();
		this.#ask("model");
		this.#ask("voice");
	}

	// What the server chose by itself, told once a call is open.
	began(session) {
		this.#server = {
			voice: session.audio?.output?.voice ?? "",
			model: session.model ?? "",
			instructions: session.instructions ?? "",
		};
		this.#offer("voice");
		this.#offer("model");
		this.#field("instructions").placeholder = this.#server.instructions;
		this.#show();
	}

	// The server does not have what was chosen: back to its own choice.
	forget(name) {
		this.#values[name] = "";
		this.#changed(false);
	}

	// The session object for session.update.
	session() {
		const chosen = (name) => this.#values[name] || this.#server[name];
		const session = {
			type: "realtime",
			audio: {
				input: {
					transcription: {},
					turn_detection: { type: "semantic_vad", eagerness: this.#values.patience },
				},
			},
		};
		if (chosen("voice")) session.audio.output = { voice: chosen("voice") };
		for (const name of ["model", "instructions"]) {
			if (chosen(name)) session[name] = chosen(name);
		}
		return session;
	}

	// What there is to choose from; without an answer it stays the server's choice.
	async #ask(name) {
		try {
			const reply = await fetch(`/v1/${name}s`, { headers: keyed() });
			const { data } = await reply.json();
			// Not other names of a voice, nor models that give no text.
			const mine = ({ own = true, stage = "text" }) => own && stage === "text";
			this.#offer(name, data.filter(mine));
		} catch {
			// No list: whoever opens this again asks again.
		}
	}

	#field(name) {
		return this.#form.elements.namedItem(name);
	}

	#offer(name, listed) {
		const select = this.#field(name);
		const known = listed?.map(({ id }) => id) ?? [...select.options].map(({ value }) => value);
		const names = new Set([...known, this.#values[name]]);
		names.delete("");
		const own = this.#server[name];
		const first = new Option(own ? `Server’s choice (${own})` : "Server’s choice", "");
		select.replaceChildren(first, ...[...names].map((each) => new Option(each, each)));
		select.value = this.#values[name];
	}

	#show() {
		for (const name in DEFAULTS) this.#field(name).value = this.#values[name];
		this.#dialog.querySelector("#patience-note").textContent = PATIENCE[this.#values.patience];
	}

	#changed(read = true) {
		if (read) for (const name in DEFAULTS) this.#values[name] = this.#field(name).value.trim();
		this.#show();
		try {
			localStorage.setItem(KEY, JSON.stringify(this.#values));
		} catch {
			// Storage may be forbidden.
		}
		this.dispatchEvent(new Event("changed"));
	}
}

function stored() {
	try {
		const values = JSON.parse(localStorage.getItem(KEY)) ?? {};
		return Object.fromEntries(
			Object.entries(values).filter(
				([name, value]) =>
					name in DEFAULTS && typeof value === "string" && (name !== "patience" || value in PATIENCE),
			),
		);
	} catch {
		return {};
	}
}
