// The microphone, and a silent stand-in for those who type.

import { insecurePage, microphoneFault } from "./faults.js";

const WANTED = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

// Why open() rejects where close() came before the browser's answer.
export const CLOSED = new Error("closed");

// Tells a listener {opened, unplugged}.
export class Microphone {
	#listener;
	#stream = null;
	#silence = null;
	#opening = null; // asked once, whoever waits
	#closings = 0;
	muted = false;

	constructor(listener) {
		this.#listener = listener;
	}

	get stream() {
		return this.#stream;
	}

	// Ask for the microphone, unless it is open already. Rejects with a Fault.
	async open() {
		if (this.#live) return;
		if (!navigator.mediaDevices) throw insecurePage();
		const opening = (this.#opening ??= this.#ask());
		try {
			await opening;
		} finally {
			if (this.#opening === opening) this.#opening = null;
		}
	}

	async #ask() {
		const before = this.#closings;
		let stream;
		try {
			stream = await navigator.mediaDevices.getUserMedia({ audio: WANTED });
		} catch (error) {
			throw microphoneFault(error);
		}
		if (before !== this.#closings) {
			for (const track of stream.getTracks()) track.stop();
			throw CLOSED;
		}
		this.#stream = stream;
		const [track] = stream.getAudioTracks();
		track.enabled = !this.muted;
		track.onended = this.#listener.unplugged;
		this.#listener.opened(this.#stream);
	}

	// What to send: the microphone, else silence, so that the call stays alive.
	track(context) {
		if (this.#live) return this.#stream.getAudioTracks()[0];
		this.#silence ??= context.createMediaStreamDestination().stream;
		return this.#silence.getAudioTracks()[0];
	}

	mute(muted) {
		this.muted = muted;
		for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !muted;
	}

	// Let go of it: the browser's recording sign goes out.
	close() {
		this.#closings++;
		this.#opening = null;
		for (const track of this.#stream?.getTracks() ?? []) {
			track.onended = null;
			track.stop();
		}
		this.#stream = null;
	}

	get #live() {
		return this.#stream?.getAudioTracks()[0]?.readyState === "live";
	}
}
