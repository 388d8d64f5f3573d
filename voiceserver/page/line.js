// Keeps a call up: one call at a time, a new one when it is lost, until stopped.
// Tells a listener {phase, up, sound, event, stats}; phases are "connecting", "up",
// "reconnecting" (with {fault, delay}) and "error" (with {fault}).

import { Call } from "./call.js";
import { Fault, noMedia, sentence } from "./faults.js";

const BACKOFF_S = [0.5, 1, 2, 4, 5];
const STEADY_MS = 5_000; // a call that lived so long starts the back-off afresh
// The code of an end after which the server may come back.
const CLOSING = "closing";

export class Line {
	#audio;
	#listener;
	#abort = null;
	#call = null;

	constructor(audio, listener) {
		this.#audio = audio;
		this.#listener = listener;
	}

	get open() {
		return this.#abort !== null;
	}

	send(event) {
		this.#call?.send(event);
	}

	replaceTrack(track) {
		this.#call?.replaceTrack(track);
	}

	// track(): resolves to the track to send; asked at each attempt.
	async start(track) {
		this.stop();
		const abort = (this.#abort = new AbortController());
		try {
			await this.#keep(track, abort.signal);
		} catch (error) {
			if (abort.signal.aborted) return;
			this.stop();
			const known = error instanceof Fault;
			const fault = known ? error : new Fault("The call failed.", error.message);
			this.#listener.phase("error", { fault });
		}
	}

	stop() {
		this.#abort?.abort();
		this.#abort = null;
		this.#call?.close();
		this.#call = null;
	}

	async #keep(track, signal) {
		let failures = 0;
		let everUp = false;
		this.#listener.phase("connecting");
		for (;;) {
			let fault;
			let began = Infinity;
			try {
				const end = this.#begin(await track(signal), signal);
				const cut = end.then(() => Promise.reject(noMedia()));
				await Promise.race([this.#call.connect(signal), cut]);
				began = performance.now();
				everUp = true;
				this.#listener.phase("up");
				this.#listener.up();
				await end;
			} catch (error) {
				signal.throwIfAborted();
				if (!(everUp ? error.retry : error.wait)) throw error;
				fault = error;
			}
			if (performance.now() - began > STEADY_MS) failures = 0;
			const delay = BACKOFF_S[Math.min(failures++, BACKOFF_S.length - 1)];
			await this.#pause(delay, fault, signal);
		}
	}

	// Makes the call; the promise it returns resolves when the call is lost.
	#begin(track, signal) {
		return new Promise((resolve, reject) => {
			signal.addEventListener("abort", () => reject(signal.reason));
			const event = (message) => {
				this.#listener.event(message);
				if (message.type !== "voiceserver.call.ended") return;
				call.close();
				if (message.code === CLOSING) resolve();
				else reject(new Fault("The server ended the call.", sentence(message.reason)));
			};
			const listener = { ...this.#listener, event, lost: resolve };
			const call = (this.#call = new Call(track, this.#audio, listener));
		});
	}

	async #pause(delay, fault, signal) {
		const until = performance.now() + delay * 1000;
		for (let left; (left = until - performance.now()) > 0; ) {
			this.#listener.phase("reconnecting", { fault, delay: Math.ceil(left / 1000) });
			await new Promise((resolve) => setTimeout(resolve, Math.min(1000, left)));
			signal.throwIfAborted();
		}
		this.#listener.phase("reconnecting", { fault, delay: 0 });
	}
}
