// What was said, as a list in the page; also the memory that a new call is given.
// Text enters the page as text only, never as markup.

import { make } from "./dom.js";

const NOTHING = "Not understood";
const NAMES = new Intl.DisplayNames(["en"], { type: "language" });

export class Transcript {
	#list;
	#scroller;
	#announce;
	#lines = new Map(); // item id -> line

	// announce(text): tells a screen reader about a line that is final.
	constructor(list, scroller, announce) {
		this.#list = list;
		this.#scroller = scroller;
		this.#announce = announce;
	}

	get empty() {
		return this.#lines.size === 0;
	}

	// The newest lines as {id, role, text}: what was really said and heard.
	memory(limit) {
		const lines = [...this.#lines.values()].filter((line) => line.final && line.heard);
		return lines.slice(-limit).map(({ id, role, heard }) => ({ id, role, text: heard }));
	}

	clear() {
		this.#lines.clear();
		this.#list.replaceChildren();
	}

	has(id) {
		return this.#lines.has(id);
	}

	// The user's words so far; they may still change.
	heardSoFar(id, text) {
		const line = this.#line(id, "user");
		if (!line.final) this.#write(line, text);
	}

	spokenIn(id, language) {
		const { node, who } = this.#line(id, "user");
		node.lang = language;
		if (language !== "en") who.textContent = `You, in ${NAMES.of(language)}`;
	}

	// The user's words, settled.
	settle(id, text) {
		const line = this.#line(id, "user");
		line.node.toggleAttribute("data-empty", !text.trim());
		this.#write(line, text.trim() || NOTHING);
		line.heard = text.trim();
		this.#finish(line, `You: ${line.heard || NOTHING}`);
	}

	// The assistant's next words.
	append(id, delta) {
		const line = this.#line(id, "assistant");
		this.#write(line, line.text + delta);
	}

	// All of the assistant's words; whether they were heard is told apart.
	complete(id, text) {
		const line = this.#line(id, "assistant");
		this.#write(line, text);
		line.node.dataset.partial = "false";
		line.final = true;
	}

	// How much of the assistant's words was played.
	played(id, heard, unheard) {
		const line = this.#lines.get(id);
		if (!line) return;
		line.heard = heard.trim();
		line.words.replaceChildren(heard);
		if (unheard.trim()) {
			const hint = make("span", { className: "unseen" }, " Interrupted; not heard: ");
			line.words.append(hint, make("del", { title: "Not heard" }, unheard));
		}
		this.#finish(line, `Answer: ${line.heard || "interrupted before a word"}`);
		this.#follow();
	}

	footnote(id, text) {
		const line = this.#lines.get(id);
		if (line) line.foot.textContent = text;
	}

	// The call is gone: what was provisional stays as it is.
	abandon() {
		for (const line of this.#lines.values()) {
			if (line.final) continue;
			if (line.text.trim()) this.#finish(line, "");
			else this.#remove(line);
		}
	}

	#remove(line) {
		line.node.remove();
		this.#lines.delete(line.id);
	}

	#line(id, role) {
		const known = this.#lines.get(id);
		if (known) return known;
		const who = make("span", { className: "who" }, role === "user" ? "You" : "Voice");
		const words = make("p", { className: "words" });
		const foot = make("p", { className: "foot" });
		const node = make("li", {}, who, words, ...(role === "user" ? [] : [foot]));
		Object.assign(node.dataset, { role, item: id, partial: "true" });
		const line = { id, role, node, who, words, foot, text: "", heard: "", final: false };
		this.#lines.set(id, line);
		this.#list.append(node);
		this.#follow(true);
		return line;
	}

	#write(line, text) {
		line.text = line.heard = text;
		line.words.textContent = text;
		this.#follow();
	}

	#finish(line, announcement) {
		line.final = true;
		line.node.dataset.partial = "false";
		if (announcement) this.#announce(announcement);
	}

	// Keep the newest words in view, unless the reader has scrolled away.
	#follow(always = false) {
		const box = this.#scroller;
		const below = box.scrollHeight - box.scrollTop - box.clientHeight;
		if (always || below < 120) box.scrollTop = box.scrollHeight;
	}
}
