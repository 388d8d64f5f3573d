// Keeps a call up: one call at a time, a new one when it is lost, until stopped.
// Emits "phase" (detail: {phase, fault, delay}), "up" (a Call that just opened),
// "event", "stats" and "sound" as the call does.

import { Call } from "./call.js";
import { Fault, sentence } from "./faults.js";

const BACKOFF_S = [0.5, 1, 2, 4, 5];
const STEADY_MS = 5_000; // a call that lived so long starts the back-off afresh

export class Line extends EventTarget {
	#audio;
	#abort = null;
	#call = null;

	constructor(audio) {
		super();
		this.#audio = audio;
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

	// track(): the track to send, asked for at each attempt.
	async start(track) {
		this.stop();
		const abort = (this.#abort = new AbortController());
		let fault;
		try {
			await this.#keep(track, abort.signal);
		} catch (error) {
			if (abort.signal.aborted) return;
			fault = error instanceof Fault ? error : new Fault("The call failed.", error.message);
		}
		this.stop();
		this.#emit("phase", { phase: "error", fault });
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
		this.#emit("phase", { phase: "connecting" });
		for (;;) {
			let fault = null;
			let began = Infinity;
			try {
				const end = this.#begin(await track(signal), signal);
				await this.#call.connect(signal);
				began = performance.now();
				everUp = true;
				this.#emit("phase", { phase: "up" });
				this.#emit("up");
				await end;
			} catch (error) {
				signal.throwIfAborted();
				if (!everUp || !error.retry) throw error;
				fault = error;
			}
			if (performance.now() - began > STEADY_MS) failures = 0;
			const delay = BACKOFF_S[Math.min(failures++, BACKOFF_S.length - 1)];
			await this.#pause(delay, fault, signal);
		}
	}

	// Makes the call; the promise it returns resolves when the call is lost.
	#begin(track, signal) {
		const call = (this.#call = new Call(track, this.#audio));
		for (const name of ["stats", "sound"]) {
			call.addEventListener(name, ({ detail }) => this.#emit(name, detail));
		}
		const end = new Promise((resolve, reject) => {
			call.addEventListener("lost", resolve);
			signal.addEventListener("abort", () => reject(signal.reason));
			call.addEventListener("event", ({ detail }) => {
				this.#emit("event", detail);
				if (detail.type === "voiceserver.call.ended") this.#ended(call, detail, resolve, reject);
			});
		});
		end.catch(() => {}); // it is awaited only once the call is up
		return end;
	}

	#ended(call, { reason = "" }, resolve, reject) {
		call.close();
		if (/shut|restart|stopping|worker/i.test(reason)) resolve();
		else reject(new Fault("The server ended the call.", sentence(reason)));
	}

	async #pause(delay, fault, signal) {
		const until = performance.now() + delay * 1000;
		const wake = () => (signal.aborted ? Infinity : performance.now());
		while (wake() < until) {
			const left = Math.ceil((until - performance.now()) / 1000);
			this.#emit("phase", { phase: "reconnecting", fault, delay: left });
			await new Promise((resolve) => {
				setTimeout(resolve, Math.min(1000, until - performance.now()));
				signal.addEventListener("abort", resolve, { once: true });
			});
		}
		signal.throwIfAborted();
		this.#emit("phase", { phase: "reconnecting", fault, delay: 0 });
	}

	#emit(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}
