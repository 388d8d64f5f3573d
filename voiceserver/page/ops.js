// The operator's page: what the server tells every two seconds, drawn. Keeps nothing.

import { $, make } from "./dom.js";
import { keyed, keyFrom } from "./key.js";

const EVERY_MS = 2000;
const STAGES = ["recognition", "text", "speech", "egress"];
const SHOWN_TURNS = 60;
// What a minute of audio heard cost when OpenAI introduced its Realtime API.
const MINUTE_USD = 0.06;
let newest = null;

// Figures.
const percentile = (values, share) => {
	if (!values.length) return null;
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
};
const ms = (value) => (value === null || value === undefined ? "–" : `${Math.round(value)} ms`);
const usd = (value) => (value === 0 ? "$0" : value >= 0.1 ? `$${value.toFixed(2)}` : `$${value.toFixed(4)}`);
const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share)} %` : "–");
const clock = (at) => new Date(1000 * at).toLocaleTimeString();
const count = (values) => {
	const found = new Map();
	for (const one of values) found.set(one, (found.get(one) ?? 0) + 1);
	return [...found].sort((a, b) => b[1] - a[1]);
};
const empty = (text) => make("p", { className: "empty", textContent: text });

function span(className, left, width, title = "") {
	const bar = make("i", { className, title });
	bar.style.left = `${left}%`;
	bar.style.width = `${width}%`;
	return bar;
}

// A provider as all processes see it: the one that cannot use it has the word.
function seenByAll(providers) {
	const found = new Map();
	for (const one of providers) {
		const name = `${one.slot} ${one.name}`;
		found.set(name, [...(found.get(name) ?? []), one]);
	}
	return [...found.values()].map((all) => {
		const worst = all.find((one) => one.state !== "closed") ?? all[0];
		const like = all.filter((one) => one.state === worst.state).length;
		const drift = [...new Set(all.flatMap((one) => one.drift.map((each) => each.signal)))];
		return { ...worst, drift, seen: like < all.length ? `${worst.state} in ${like} of ${all.length}` : worst.state };
	});
}

// All processes as one server.
function joined(processes) {
	const of = (key) => processes.flatMap((one) => one[key] ?? []);
	const hours = new Map();
	const keys = new Map();
	for (const { hour, key, usd: spent } of of("cost_by_hour")) {
		hours.set(hour, (hours.get(hour) ?? 0) + spent);
		keys.set(key ?? "", (keys.get(key ?? "") ?? 0) + spent);
	}
	const first = processes[0] ?? {};
	return {
		...first,
		calls: of("calls"),
		turns: of("turns").sort((a, b) => a.at - b.at),
		problems: of("problems").sort((a, b) => a.at - b.at),
		alarms: [...new Map(of("alarms").map((one) => [`${one.provider} ${one.signal}`, one])).values()],
		providers: seenByAll(of("providers")),
		processes,
		hours: [...hours].sort((a, b) => a[0] - b[0]),
		keys: [...keys].filter(([, spent]) => spent).sort((a, b) => b[1] - a[1]),
		loads: processes.map((one) => one.load),
	};
}

function tiles(told) {
	const turns = told.turns;
	const firsts = turns.map((turn) => turn.first_audio_ms).filter((value) => value !== null);
	const judged = turns.filter((turn) => turn.first_audio_ms !== null);
	const met = judged.filter((turn) => turn.first_audio_ms <= turn.target_ms).length / judged.length;
	const today = told.hours.filter(([hour]) => hour * 1000 >= new Date().setHours(0, 0, 0, 0)).reduce((sum, [, spent]) => sum + spent, 0);
	const busy = told.loads.find((load) => load !== "normal");
	const cap = told.max_usd_per_day;
	const sum = (of) => turns.reduce((all, turn) => all + (turn[of] ?? 0), 0);
	const minute = (60 * sum("cost_usd")) / sum("seconds");
	const rows = [
		[`${told.calls.length} / ${told.max_calls * told.processes.length || "–"}`, "calls now"],
		[percent(met), "answers in time", met < 0.95],
		[ms(percentile(firsts, 0.5)), "first audio, median"],
		[ms(percentile(firsts, 0.95)), "95th percentile"],
		[ms(percentile(firsts, 0.99)), "99th percentile"],
		[usd(today), cap ? `today, of ${usd(cap)}` : "today, on providers", cap && today >= cap],
		[Number.isFinite(minute) ? usd(minute) : "–", `a minute, beside $${MINUTE_USD}`, minute > MINUTE_USD],
		[busy ?? "normal", `load, ${told.processes.length} ${told.processes.length === 1 ? "process" : "processes"}`, busy],
		[String(told.alarms.length), told.alarms.length === 1 ? "alarm" : "alarms", told.alarms.length],
	];
	$("tiles").replaceChildren(...rows.map(([figure, what, bad]) => {
		const tile = make("li", {}, make("b", { textContent: figure }), make("span", { textContent: what }));
		tile.dataset.bad = String(Boolean(bad));
		return tile;
	}));
}

function alarms(told) {
	$("alarms").hidden = !told.alarms.length;
	$("alarms").lastElementChild.replaceChildren(...told.alarms.map((one) => make("li", {
		textContent: one.signal === "pin"
			? `${one.provider}: another model answers than the pinned one`
			: `${one.provider}: ${one.signal.replace("_", " ")} ${one.usual} → ${one.now} in the last ${one.answers} answers`,
	})));
}

// A turn as its stages lie in time; the line is the target.
function waterfall(turn) {
	const ends = turn.stages.map((one) => one.began_ms + one.spent_ms);
	const whole = 1.15 * Math.max(turn.target_ms, turn.first_audio_ms ?? 0, ...ends);
	const bars = turn.stages.map((one) => span(
		`${one.stage}${one.outcome === "ok" ? "" : " late"}`,
		(100 * one.began_ms) / whole,
		(100 * one.spent_ms) / whole,
		`${one.stage}: ${ms(one.spent_ms)} of ${ms(one.planned_ms)}, ${one.outcome}`,
	));
	const track = make("div", { className: "track", role: "img" }, ...bars, span("plan", (100 * turn.target_ms) / whole, 0));
	track.setAttribute("aria-label", turn.stages.map((one) => `${one.stage} ${ms(one.spent_ms)}`).join(", ") || "nothing yet");
	return track;
}

function turnRow(turn, head) {
	const late = turn.first_audio_ms !== null && turn.first_audio_ms > turn.target_ms;
	const facts = [
		...head,
		make("span", { className: late ? "bad" : "good", textContent: ms(turn.first_audio_ms) }),
		make("span", { textContent: [turn.answered_by || "nobody yet", turn.spoken_by].filter(Boolean).join(" → ") }),
		make("span", { className: "soft", textContent: [turn.outcome, turn.blame && `late: ${turn.blame}`, ...turn.steps, turn.speculation && `guess ${turn.speculation}`].filter(Boolean).join(" · ") }),
		make("span", { className: "soft", textContent: turn.cost_usd ? usd(turn.cost_usd) : "" }),
	];
	return make("div", { className: "turn" }, make("p", {}, ...facts), waterfall(turn));
}

function calls(told) {
	const rows = told.calls.map((call) => {
		const head = [
			make("span", { className: "id", textContent: call.id }),
			make("span", { textContent: `${call.carrier || "no turn yet"} · ${Math.round(call.seconds)} s · ${call.turns} turns · ${usd(call.cost_usd)}` }),
		];
		return call.turn ? turnRow(call.turn, head) : make("div", { className: "turn" }, make("p", {}, ...head, make("span", { className: "soft", textContent: "listening" })));
	});
	$("calls").replaceChildren(...(rows.length ? rows : [empty("Nobody is calling.")]));
}

function stages(told) {
	const rows = STAGES.map((stage) => {
		const spent = told.turns.flatMap((turn) => turn.stages.filter((one) => one.stage === stage));
		const times = spent.map((one) => one.spent_ms);
		return { stage, times, planned: percentile(spent.map((one) => one.planned_ms), 0.5), late: spent.filter((one) => one.outcome === "late").length };
	}).filter((one) => one.times.length);
	if (!rows.length) return $("stages").replaceChildren(make("caption", { className: "empty", textContent: "No turn yet." }));
	const whole = 1.1 * Math.max(...rows.map((one) => Math.max(percentile(one.times, 0.95), one.planned)));
	const head = make("tr", {}, ...["stage", "p50", "p95", "p99", "late", ""].map((text, at) => make("th", { textContent: text, className: at && at < 5 ? "figure" : "" })));
	$("stages").replaceChildren(head, ...rows.map((one) => {
		const [low, high, top] = [0.5, 0.95, 0.99].map((share) => percentile(one.times, share));
		const track = make("div", { className: "track" }, span(one.stage, (100 * low) / whole, (100 * (high - low)) / whole), span("plan", (100 * one.planned) / whole, 0));
		return make("tr", {}, make("td", { textContent: one.stage }), ...[ms(low), ms(high), ms(top), percent(one.late / one.times.length)].map((text) => make("td", { textContent: text, className: "figure" })), make("td", { className: "bar" }, track));
	}));
}

function shares(place, pairs, of, none) {
	const rows = pairs.map(([name, n]) => make("div", { className: "row" },
		make("span", { textContent: name, title: name }),
		make("div", { className: "track" }, span("", 0, (100 * n) / of)),
		make("span", { textContent: `${n} · ${percent(n / of)}` })));
	place.replaceChildren(...(rows.length ? rows : [empty(none)]));
}

// Tiers, each with the reasons given for it; of turns that a router decided.
function routes(told) {
	const routed = told.turns.filter((turn) => turn.tier);
	const reasons = routed.flatMap((turn) => turn.tier_reasons.map((why) => `${turn.tier}: ${why}`));
	shares($("routes"), [...count(routed.map((turn) => turn.tier)), ...count(reasons).slice(0, 8)], routed.length, "No turn was routed.");
}

// Chances of being right, as the gate took them, in tenths.
function sure(told) {
	const chances = told.turns.map((turn) => turn.confidence).filter((value) => Number.isFinite(value));
	const tenths = chances.map((value) => Math.min(9, Math.floor(10 * value)));
	const rows = count(tenths).sort((a, b) => b[0] - a[0]);
	shares($("sure"), rows.map(([tenth, n]) => [`${10 * tenth} to ${10 * tenth + 10} %`, n]), chances.length, "No answer was judged.");
	const sources = count(told.turns.filter((turn) => Number.isFinite(turn.confidence)).map((turn) => turn.confidence_source));
	$("calibrated").textContent = chances.length ? `Chance that an answer is right, from ${sources.map(([name]) => name).join(", ")}; ${told.turns.filter((turn) => turn.steps.includes("text.escalated")).length} asked of the strong tier for it.` : "";
}

// What the gate's chances were worth when they were measured: the line is what was said.
function reliable(told) {
	$("reliable").replaceChildren(...(told.reliability ?? []).flatMap((one) => [
		make("p", { className: "note", textContent: `When ${one.provider} was calibrated (${one.source}, ${one.answers} answers, error ${one.ece_after.toFixed(3)}), share right of those with such a chance, the line:` }),
		...one.reliability.map(([chance, right, n]) => make("div", { className: "row" },
			make("span", { textContent: percent(chance) }),
			make("div", { className: "track", title: `${percent(right)} right, ${percent(chance)} said` }, span("", 0, 100 * right), span("plan", 100 * chance, 0)),
			make("span", { textContent: `${percent(right)} of ${n}` }))),
	]));
}

function providers(told) {
	const rows = told.providers.map((one) => {
		const away = one.state === "drained";
		const button = make("button", { textContent: away ? "Restore" : "Drain", onclick: () => act(one, away ? "restore" : "drain") });
		return make("tr", {}, ...[one.slot, one.name, one.region].map((text) => make("td", { textContent: text, className: text === one.name ? "name" : "" })),
			make("td", { textContent: one.seen, className: one.state === "closed" ? "good" : "bad" }),
			make("td", { textContent: one.drift.map((signal) => signal.replace("_", " ")).join(", "), className: "bad drift" }),
			make("td", {}, button));
	});
	const engines = Object.entries(told.engines ?? {}).map(([slot, name]) => make("tr", {}, make("td", { textContent: slot }), make("td", { textContent: name, colSpan: 5, className: "soft" })));
	const head = make("tr", {}, ...["slot", "name", "region", "breaker", "drift", ""].map((text) => make("th", { textContent: text })));
	$("providers").replaceChildren(...(rows.length ? [head, ...rows] : []), ...engines);
}

async function act(provider, what) {
	await fetch(`v1/providers/${provider.slot}/${encodeURIComponent(provider.name)}/${what}`, { method: "POST", headers: keyed() });
	await look();
}

function table(section, names, rows) {
	$(section).hidden = !rows.length;
	const lines = [names, ...rows].map((row, at) => make("tr", {}, ...row.map((text) => make(at ? "td" : "th", { textContent: String(text) }))));
	$(section).querySelector("table").replaceChildren(...lines);
}

function workers(told) {
	const rows = told.processes.map((one) => [
		`${one.process}${one.host ? ` on ${one.host}` : ""}`, one.load, `${one.calls.length} of ${one.max_calls}`, `${Math.round(one.up_s / 60)} min`, Object.values(one.engines).join(", "),
	]);
	table("workers", ["process", "load", "calls", "up", "engines"], rows.length > 1 ? rows : []);
}

function shadow(told) {
	table("shadow", ["candidate", "advice", "better or as good", "answers", "first words (live)", "a thousand (live)"], (told.shadow ?? []).map((one) => [
		one.name, one.advice, `${percent(one.rate)} (${percent(one.low)}–${percent(one.high)})`, one.answers, `${ms(one.first_ms)} (${ms(one.live_first_ms)})`, `${usd(1000 * one.cost_usd)} (${usd(1000 * one.live_cost_usd)})`,
	]));
}

function cost(told) {
	const most = Math.max(...told.hours.map(([, spent]) => spent), 0);
	const sum = told.keys.reduce((all, [, spent]) => all + spent, 0);
	$("keys").replaceChildren(...told.keys.map(([key, spent]) => make("div", { className: "row" },
		make("span", { textContent: key ? `key ${key}` : "without a key", title: "The beginning of the key's SHA-256" }),
		make("div", { className: "track" }, span("", 0, (100 * spent) / sum)),
		make("span", { textContent: usd(spent) }))));
	$("hours").textContent = "";
	if (!most) return $("cost").replaceChildren(empty("Nothing was spent on providers."));
	$("hours").textContent = `${clock(told.hours[0][0])} to ${clock(told.hours.at(-1)[0])}; at most ${usd(most)} an hour.`;
	$("cost").replaceChildren(...told.hours.map(([hour, spent]) => {
		const bar = make("span", { title: `${clock(hour)}: ${usd(spent)}` });
		bar.style.height = `${(100 * spent) / most}%`;
		return bar;
	}));
}

function turns(told) {
	const wanted = $("find").value.trim();
	const rows = told.turns.filter((turn) => turn.call.includes(wanted)).slice(-SHOWN_TURNS).reverse().map((turn) => turnRow(turn, [
		make("span", { className: "soft", textContent: clock(turn.at) }),
		make("span", { className: "id", textContent: `${turn.call} #${turn.turn}` }),
	]));
	const legend = make("p", { className: "legend" }, ...STAGES.map((stage) => make("span", {}, make("i", { className: stage }), stage)));
	$("turns").replaceChildren(...(rows.length ? [...rows, legend] : [empty(wanted ? "No turn of such a call." : "No turn yet.")]));
}

function problems(told) {
	const rows = told.problems.slice(-60).reverse().map((one) => make("li", { className: one.level === "warning" ? "" : "bad" }, make("time", { textContent: clock(one.at) }), one.line));
	$("problems").replaceChildren(...(rows.length ? rows : [make("li", { className: "empty", textContent: "None." })]));
}

function draw() {
	const told = newest;
	tiles(told);
	alarms(told);
	calls(told);
	stages(told);
	shares($("who"), count(told.turns.map((turn) => turn.answered_by || "nobody")), told.turns.length, "No turn yet.");
	shares($("late"), count(told.turns.flatMap((turn) => [turn.blame && `late: ${turn.blame}`, ...turn.steps].filter(Boolean))), told.turns.length, "Nothing was late.");
	routes(told);
	sure(told);
	reliable(told);
	providers(told);
	workers(told);
	shadow(told);
	cost(told);
	turns(told);
	problems(told);
}

function say(text, bad) {
	$("state").textContent = text;
	$("state").dataset.bad = String(bad);
}

async function look() {
	try {
		const answer = await fetch("v1/ops", { headers: keyed() });
		if (answer.status === 401) return say("This server asks for its API key.", true);
		if (!answer.ok) return say(`The server answered ${answer.status}.`, true);
		newest = joined((await answer.json()).data);
		draw();
		say(`Version ${newest.version}, up for ${Math.round(newest.up_s / 60)} min. As of ${new Date().toLocaleTimeString()}.`, false);
	} catch {
		say("The server cannot be reached.", true);
	}
}

keyFrom($("key"));
$("key").addEventListener("change", look);
$("find").addEventListener("input", () => newest && turns(newest));
await look();
setInterval(() => document.hidden || look(), EVERY_MS);
