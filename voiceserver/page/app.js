// The page: joins the call, the transcript, the orb and the controls.

import { $, make } from "./dom.js";
import { tellEars } from "./ears.js";
import { footnote, LatencyChart, showLine } from "./latency.js";
import { Level } from "./levels.js";
import { Line } from "./line.js";
import { CLOSED, Microphone } from "./microphone.js";
import { Orb } from "./orb.js";
import { Settings } from "./settings.js";
import { sentence } from "./faults.js";
import { showOrder } from "./order.js";
import { Transcript } from "./transcript.js";
import { Turn } from "./turn.js";

const MEMORY = 20; // lines that a new call is told of
const PATIENCE_MS = 12_000; // for an answer

const KEYS = matchMedia("(hover: hover)").matches;
const turn = new Turn();
const settings = new Settings($("settings"));
const transcript = new Transcript($("transcript"), $("scroller"), announce);
const latency = new LatencyChart();
const levels = { microphone: new Level(), remote: new Level() };

let phase = "idle"; // idle | connecting | up | reconnecting | error
let context = null; // made by the first click: refused before
let began = 0;
let pending = ""; // typed words that wait for the call or for the answer's end
let waitLimit = 0;
let wakeLock = null;

const LABELS = {
	idle: ["Ready when you are", KEYS ? "Press the button or the space bar" : "The microphone is off until you start"],
	connecting: ["Connecting", ""],
	listening: ["Listening", "Go ahead"],
	hearing: ["Hearing you", ""],
	thinking: ["Thinking", ""],
	speaking: ["Speaking", "Interrupt at any time"],
	reconnecting: ["Trying to connect", ""],
	error: ["Not connected", "Press the button to try again"],
	muted: ["Muted", "Press M or the button to be heard"],
	deaf: ["Microphone off", "Type, and listen to the answer"],
};

const ANNOUNCED = {
	idle: "The call has ended.",
	up: "Connected. Go ahead.",
	reconnecting: "Not connected. Trying again.",
};

new Orb($("orb"), () => {
	const state = document.body.dataset.state;
	const mic = levels.microphone.read();
	const remote = levels.remote.read();
	if (silent() && state === "listening") return { state: "idle", level: 0 };
	return { state, level: state === "speaking" ? remote : mic };
});

function render(hint) {
	const state = phase === "up" ? turn.state : phase;
	document.body.dataset.state = state;
	document.body.dataset.muted = String(silent());
	document.body.dataset.open = String(line.open);
	const quiet = microphone.stream ? "muted" : "deaf";
	const [label, standing] = LABELS[silent() && state === "listening" ? quiet : state];
	$("status").textContent = label;
	$("hint").textContent = hint ?? standing;
	$("talk").textContent = line.open ? "Stop" : phase === "error" ? "Try again" : "Start talking";
	$("mute").disabled = !line.open || !microphone.stream;
	$("mute").setAttribute("aria-pressed", String(microphone.muted));
	$("skip").disabled = !(turn.sounding || turn.response !== null) || phase !== "up";
	$("welcome").hidden = !transcript.empty;
	if (phase !== "up") $("stats").textContent = "";
}

function announce(text) {
	$("announcer").append(make("p", {}, text));
	while ($("announcer").childElementCount > 4) $("announcer").firstChild.remove();
}

// typing: offer it as the way out.
function notify(title, text, typing = false) {
	$("notice-title").textContent = title;
	$("notice-text").textContent = text;
	$("notice-action").hidden = !typing;
	$("notice").hidden = false;
}

function dismiss() {
	$("notice").hidden = true;
}

function silent() {
	return line.open && (microphone.muted || !microphone.stream);
}

// typing: the person has words to send, so a call without a microphone is fine.
function start({ typing = false } = {}) {
	dismiss();
	turn.reset();
	context ??= new AudioContext();
	context.resume();
	line.start(async (signal) => {
		try {
			await microphone.open();
		} catch (fault) {
			signal.throwIfAborted();
			if (!typing) throw fault;
			notify(fault.title, "You can type, and hear the answers.");
		}
		signal.throwIfAborted();
		return microphone.track(context);
	});
	keepAwake();
}

function stop() {
	line.stop();
	ended("idle");
}

function ended(next, fault) {
	$("words").value ||= pending;
	pending = "";
	clearTimeout(waitLimit);
	wakeLock?.release();
	context?.suspend();
	microphone.close();
	microphone.mute(false);
	levels.microphone.detach();
	levels.remote.detach();
	transcript.abandon();
	turn.reset();
	if (fault) notify(fault.title, fault.text, fault.microphone);
	enter(next);
}

// The state of each turn is not announced: the voice itself can be heard.
function enter(next, hint) {
	if (next !== phase && ANNOUNCED[next]) announce(ANNOUNCED[next]);
	phase = next;
	render(hint);
}

// What the line tells.
const line = new Line($("remote"), {
	phase(next, { fault, delay = 0 } = {}) {
		if (next === "error") return ended(next, fault);
		if (next !== "reconnecting") return enter(next);
		if (phase === "up") {
			transcript.abandon();
			turn.reset();
		}
		const when = delay ? `Trying again in ${delay} s` : "Trying again now";
		enter(next, `${fault?.title ?? "Connection lost."} ${when}`);
	},

	up() {
		began = performance.now();
		if (microphone.stream) dismiss(); // else it still says that there is none
		line.send({ type: "session.update", session: settings.session() });
		for (const { id, role, text } of transcript.memory(MEMORY)) tell(id, role, text);
		if (pending) ask(pending);
	},

	sound(stream) {
		levels.remote.attach(context, stream);
	},

	event(event) {
		RECEIVERS[event.type]?.(event);
		turn.receive(event);
		clearTimeout(waitLimit);
		if (turn.waiting) waitLimit = setTimeout(giveUpWaiting, PATIENCE_MS);
		if (phase === "up") render();
	},

	stats({ rtt, loss, jitter }) {
		const past = Math.floor((performance.now() - began) / 1000);
		const clock = `${Math.floor(past / 60)}:${String(past % 60).padStart(2, "0")}`;
		const trip = rtt == null ? [] : [`${Math.round(rtt)} ms`];
		const quality = [`${Math.round(loss * 100)} % lost`, `${Math.round(jitter)} ms jitter`];
		const parts = [...trip, ...quality, clock].map((text) => make("span", {}, text));
		$("stats").replaceChildren(...parts);
	},
});

const microphone = new Microphone({
	opened(stream) {
		levels.microphone.attach(context, stream);
	},

	async unplugged() {
		levels.microphone.detach();
		try {
			await microphone.open(); // another one, if there is one
		} catch (fault) {
			if (fault === CLOSED) return;
			microphone.close();
			notify("The microphone was disconnected.", "Plug one in and start again, or type.");
		}
		line.replaceTrack(microphone.track(context));
		render();
	},
});

const FAILED = "The answer failed.";
const HEARD = "conversation.item.input_audio_transcription";
const SAID = "response.output_audio_transcript";
const RECEIVERS = {
	"session.created": ({ session }) => settings.began(session),
	"conversation.item.added": ({ item }) => added(item),
	"voiceserver.input_transcript.partial": (e) => transcript.heardSoFar(e.item_id, e.text),
	"voiceserver.input_transcript.language": (e) => transcript.spokenIn(e.item_id, e.language),
	[`${HEARD}.completed`]: (e) => transcript.settle(e.item_id, e.transcript),
	[`${HEARD}.failed`]: (e) => transcript.settle(e.item_id, ""),
	[`${SAID}.delta`]: (e) => transcript.append(e.item_id, e.delta),
	[`${SAID}.done`]: (e) => transcript.complete(e.item_id, e.transcript),
	"response.done": ({ response }) => responded(response),
	"voiceserver.item.heard": (e) => transcript.played(e.item_id, e.heard, e.unheard),
	"voiceserver.form.updated": ({ form }) => showOrder($("order"), form),
	"voiceserver.turn.latency": (e) => {
		latency.show(e);
		transcript.footnote(e.item_id, footnote(e));
	},
	"voiceserver.media": showLine,
	error: ({ error }) => refused(error),
};

function added(item) {
	if (item.role !== "user" || transcript.has(item.id)) return;
	const [part] = item.content ?? [];
	if (part?.type === "input_text") transcript.settle(item.id, part.text);
	else transcript.heardSoFar(item.id, "");
}

function responded(response) {
	if (response.status === "failed") {
		notify(FAILED, sentence(response.status_details?.error?.message ?? ""));
	} else if ($("notice-title").textContent === FAILED) dismiss();
	if (pending && turn.response !== null) {
		turn.receive({ type: "response.done", response });
		ask(pending);
	}
}

function refused(error) {
	// It had ended by itself.
	if (error.code === "response_cancel_not_active") return;
	// All of an update is refused for one wrong member: send it again without that.
	const [choice] = /(voice|model)$/.exec(error.param) ?? [];
	if (choice) settings.forget(choice);
	notify(error.type === "server_error" ? "Something failed." : "That was refused.", sentence(error.message));
}

function giveUpWaiting() {
	turn.waiting = false;
	render();
}

// Ends the answer that is being generated or played; says whether to wait for it.
function silence() {
	const active = turn.response !== null;
	if (active) line.send({ type: "response.cancel" });
	if (active || turn.sounding) line.send({ type: "output_audio_buffer.clear" });
	return active;
}

function ask(text) {
	pending = text;
	if (phase !== "up" || silence()) return; // asked again after that
	pending = "";
	const id = `item_page_${hex(8)}`;
	transcript.settle(id, text);
	tell(id, "user", text);
	line.send({ type: "response.create" });
	turn.waiting = true;
	render();
}

// Put a line into the server's conversation.
function tell(id, role, text) {
	const content = [{ type: role === "user" ? "input_text" : "output_text", text }];
	const item = { id, type: "message", role, content };
	line.send({ type: "conversation.item.create", item });
}

function say(text) {
	if (!text.trim()) return;
	if (!line.open) start({ typing: true });
	ask(text.trim());
}

function hex(bytes) {
	const random = crypto.getRandomValues(new Uint8Array(bytes));
	return [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toggle() {
	if (line.open) stop();
	else start();
}

function toggleMute() {
	if ($("mute").disabled) return;
	microphone.mute(!microphone.muted);
	render();
}

async function keepAwake() {
	try {
		await wakeLock?.release();
		wakeLock = await navigator.wakeLock?.request("screen");
		if (!line.open) wakeLock?.release();
	} catch {} // not allowed, as on low battery: the screen may go dark
}

$("talk").addEventListener("click", toggle);
$("orb").addEventListener("click", toggle);
$("mute").addEventListener("click", toggleMute);
$("skip").addEventListener("click", silence);
$("notice-close").addEventListener("click", dismiss);
$("notice-action").addEventListener("click", () => {
	dismiss();
	$("words").focus();
});
$("open-settings").addEventListener("click", () => settings.open());
settings.addEventListener("changed", () => {
	if (phase === "up") line.send({ type: "session.update", session: settings.session() });
});
$("fresh").addEventListener("click", () => {
	transcript.clear();
	$("settings").close();
	if (line.open) start(); // the server forgets with the old call
	render();
});
$("chips").addEventListener("click", ({ target }) => {
	if (target.closest("button")) say(target.textContent);
});
$("typed").addEventListener("submit", (event) => {
	event.preventDefault();
	say($("words").value);
	$("words").value = "";
});

document.addEventListener("keydown", (event) => {
	if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
	if ($("settings").open || event.target.closest("input, textarea, select")) return;
	const onButton = event.target.closest("button, summary, a, [tabindex]");
	if (event.key === " " && !onButton) {
		event.preventDefault();
		toggle();
	} else if (event.key === "m" || event.key === "M") {
		toggleMute();
	} else if (event.key === "Escape" && !$("skip").disabled) {
		silence();
	}
});

addEventListener("pagehide", () => line.stop());
if (matchMedia("(min-width: 56rem)").matches) $("latency").open = true;
render();
void tellEars($("ears"));
