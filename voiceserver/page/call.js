// One call: microphone up, voice down, events on a data channel.
// Knows nothing of the page; tells a listener {sound, event, stats, lost}.

import { keyed } from "./key.js";
import { noMedia, refusal, unreachable } from "./faults.js";

const OPEN_LIMIT_MS = 10_000;
const GATHER_LIMIT_MS = 500; // host candidates only: there are no ICE servers
const POLL_MS = 500;
const SILENT_LIMIT_MS = 2_000; // 50 packets a second come, silence too
const FIRST_LIMIT_MS = 5_000;

export class Call {
	#peer = new RTCPeerConnection({ iceServers: [] });
	#channel = this.#peer.createDataChannel("oai-events");
	#listener;
	#location = null;
	#poll = 0;
	#over = false;
	#seen = { packets: 0, at: 0 }; // when more packets had come, the last time
	#recent = []; // statistics of the last five seconds

	// track: what to send. audio: the element that plays what comes back.
	constructor(track, audio, listener) {
		this.#listener = listener;
		this.#peer.addTrack(track, new MediaStream([track]));
		this.#peer.ontrack = ({ track: remote }) => {
			// Without an element that plays it, the level meter would read silence.
			audio.srcObject = new MediaStream([remote]);
			audio.play().catch(() => {}); // refused only without a gesture
			listener.sound(audio.srcObject);
		};
		this.#peer.onconnectionstatechange = () => {
			if (["failed", "closed"].includes(this.#peer.connectionState)) this.#lose();
		};
		this.#channel.onclose = () => this.#lose();
		this.#channel.onmessage = ({ data }) => listener.event(JSON.parse(data));
	}

	// Resolves when events can be sent. Rejects with a Fault, or when aborted.
	async connect(signal) {
		try {
			await this.#peer.setLocalDescription();
			await this.#gathered();
			const sdp = await this.#exchange(this.#peer.localDescription.sdp, signal);
			await this.#peer.setRemoteDescription({ type: "answer", sdp });
			await this.#opened(signal);
		} catch (error) {
			this.close();
			throw error;
		}
		this.#seen.at = performance.now() + FIRST_LIMIT_MS - SILENT_LIMIT_MS;
		this.#poll = setInterval(() => this.#measure(), POLL_MS);
	}

	send(event) {
		if (this.#channel.readyState === "open") this.#channel.send(JSON.stringify(event));
	}

	// Send another track from now on, as of another microphone.
	replaceTrack(track) {
		this.#peer.getSenders()[0]?.replaceTrack(track);
	}

	close() {
		this.#over = true;
		clearInterval(this.#poll);
		this.#peer.close();
		if (this.#location) {
			// keepalive: also when the page is being left.
			fetch(this.#location, { method: "DELETE", headers: keyed(), keepalive: true }).catch(() => {});
			this.#location = null;
		}
	}

	#gathered() {
		const peer = this.#peer;
		return new Promise((resolve) => {
			const check = () => peer.iceGatheringState === "complete" && resolve();
			peer.onicegatheringstatechange = check;
			setTimeout(resolve, GATHER_LIMIT_MS);
			check();
		});
	}

	async #exchange(sdp, signal) {
		const limit = AbortSignal.timeout(OPEN_LIMIT_MS);
		let reply;
		try {
			reply = await fetch("/v1/realtime/calls", {
				method: "POST",
				headers: keyed({ "Content-Type": "application/sdp" }),
				body: sdp,
				signal: AbortSignal.any([signal, limit]),
			});
		} catch {
			signal.throwIfAborted();
			throw unreachable();
		}
		if (!reply.ok) throw await refusal(reply);
		this.#location = reply.headers.get("Location");
		return reply.text();
	}

	#opened(signal) {
		return new Promise((resolve, reject) => {
			this.#channel.onopen = resolve;
			setTimeout(() => reject(noMedia()), OPEN_LIMIT_MS);
			signal.addEventListener("abort", () => reject(signal.reason));
		});
	}

	#lose() {
		if (this.#over) return;
		this.close();
		this.#listener.lost();
	}

	async #measure() {
		const stats = digest(await this.#peer.getStats());
		if (this.#over) return;
		const now = performance.now();
		if (stats.packets > this.#seen.packets) {
			this.#seen = { packets: stats.packets, at: Math.max(now, this.#seen.at) };
		} else if (now - this.#seen.at > SILENT_LIMIT_MS) {
			this.#lose();
			return;
		}
		this.#recent = [...this.#recent.slice(-9), stats];
		const lost = Math.max(0, stats.lost - this.#recent[0].lost);
		const all = stats.packets - this.#recent[0].packets + lost;
		this.#listener.stats({ ...stats, loss: all ? lost / all : 0 });
	}
}

// What of getStats() matters here; times in milliseconds.
function digest(report) {
	const stats = { packets: 0, lost: 0, jitter: 0, rtt: null };
	for (const entry of report.values()) {
		if (entry.type === "inbound-rtp" && entry.kind === "audio") {
			stats.packets = entry.packetsReceived ?? 0;
			stats.lost = entry.packetsLost ?? 0;
			stats.jitter = (entry.jitter ?? 0) * 1000;
		} else if (entry.nominated && entry.currentRoundTripTime != null) {
			stats.rtt = entry.currentRoundTripTime * 1000;
		}
	}
	return stats;
}
