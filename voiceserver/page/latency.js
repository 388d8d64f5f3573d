// Where the time of the last turn went: a small chart, budget against actual.

import { $, make } from "./dom.js";

const NAMES = {
	endpoint: "Your pause",
	recognition: "Words",
	text: "Answer",
	speech: "Voice",
	egress: "Sending",
};

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const whole = Math.round;

// From the end of the user's speech (or the request) to the first sound, in ms.
export function responseTime({ endpoint_ms = 0, first_audio_ms }) {
	return first_audio_ms == null ? null : endpoint_ms + first_audio_ms;
}

export function footnote(turn) {
	const took = responseTime(turn);
	return [turn.answered_by, took == null ? "" : seconds(took)].filter(Boolean).join(" · ");
}

export class LatencyChart {
	#box = $("latency");
	#chart = $("chart");

	show(turn) {
		const took = responseTime(turn);
		const by = turn.answered_by ? ` · by ${turn.answered_by}` : "";
		const answer = took == null ? "No answer sounded" : `Answered in ${seconds(took)}`;
		$("latency-summary").textContent = answer + by;
		this.#box.dataset.late = String(Boolean(turn.blame));
		this.#box.dataset.shown = "true";
		$("latency-note").textContent = note(turn);
		this.#draw(turn);
	}

	#draw(turn) {
		const { endpoint_ms: before = 0, stages = [], target_ms: target = 0 } = turn;
		const ends = stages.map((each) => each.started_ms + each.spent_ms);
		const last = Math.max(target, turn.first_audio_ms ?? 0, ...ends, 1) * 1.04;
		const at = (ms) => `${((ms + before) / (last + before)) * 100}%`;
		const wide = (ms) => `${(ms / (last + before)) * 100}%`;
		const rows = [];
		if (before > 0) {
			rows.push(row("endpoint", `${whole(before)} ms`, "ok", [bar("spent", at(-before), wide(before))]));
		}
		for (const each of stages) {
			const room = Math.max(0, Math.min(each.planned_ms, last - each.started_ms));
			const over = each.spent_ms > each.planned_ms || each.outcome !== "ok";
			rows.push(
				row(each.stage, figure(each), each.outcome, [
					bar("planned", at(each.started_ms), wide(room)),
					bar(over ? "spent over" : "spent", at(each.started_ms), wide(each.spent_ms)),
				]),
			);
		}
		this.#chart.replaceChildren(...rows);
		const marks = [bar("zero", at(0), "0"), bar("target", at(target), "0")];
		if (target) this.#chart.append(make("div", { className: "marks" }, ...marks));
	}
}

// How the audio has fared, as the server tells every two seconds.
export function showLine({ received, lost, late, audio_ms: audio, ...line }) {
	const share = (part, whole) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
	const ms = (value) => `${Math.round(value)} ms`;
	const said = [
		`Microphone: ${share(lost, lost + received)} lost, ${late} late`,
		`${share(line.concealed_ms, audio)} made up`,
		`${ms(line.jitter_ms)} jitter, ${ms(line.held_ms)} held back`,
		`clock ${Math.round(line.drift_ppm)} ppm`,
	];
	if (line.rtt_ms >= 0) said.push(`${ms(line.rtt_ms)} round trip`);
	said.push(`answers: ${line.underruns} underruns, ${line.left_out} left out`);
	$("line-note").textContent = said.join("; ");
}

function figure({ outcome, spent_ms: spent, planned_ms: planned }) {
	const done = ["ok", "late"].includes(outcome);
	return done ? `${whole(spent)} of ${whole(planned)} ms` : `${outcome}, ${whole(spent)} ms`;
}

function note({ first_audio_ms: first, target_ms: target, blame, steps = [] }) {
	const said = [];
	if (first && target) said.push(`First sound ${whole(first)} of ${whole(target)} ms`);
	if (blame) said.push(`late: ${(NAMES[blame] ?? blame).toLowerCase()}`);
	return [...said, ...steps].join("; ");
}

function row(stage, value, outcome, bars) {
	const track = make("span", { className: "track" }, ...bars);
	const said = make("span", { className: "figure" }, value);
	const node = make("div", { className: "row" }, NAMES[stage] ?? stage, track, said);
	Object.assign(node.dataset, { stage, outcome });
	return node;
}

function bar(kind, left, width) {
	const node = make("i", { className: kind });
	Object.assign(node.style, { left, width });
	return node;
}
