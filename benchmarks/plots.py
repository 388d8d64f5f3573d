"""Plots of the benchmarks' results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.drawing import plt
from benchmarks.published import ORDERS, WHISPER_CLEAN

COLOURS = 64  # of a spectrogram


# What other servers measured with the same method on two cores, one call: pipecat
# and livekit-agents, "500 ms" of silence, interruption after 200 ms.
RIVALS = {
    "reply_after_silence_ms": (182, 215),
    "interruption_to_silence_ms": (364, 421),
}
NAMES = {
    "realtime": "audio in events",
    "stream": "/v1/stream",
    "deaf": "one more reads nothing",
}
TITLES = {
    "reply_after_silence_ms": "reply after the configured silence",
    "interruption_to_silence_ms": "interruption to silence",
    "connect_ms": "connect",
}


def conversation(result: dict[str, Any], path: Path) -> None:
    """Draw medians and 95th percentiles beside aims and other servers' range."""
    runs = result["runs"]
    figure, axes = plt.subplots(1, len(TITLES), figsize=(10, 3.2))
    for axis, (key, title) in zip(axes, TITLES.items(), strict=True):
        labels = [f"{run['calls']} call{'s' * (run['calls'] > 1)}" for run in runs]
        medians = [run[key]["p50"] if run[key] else 0 for run in runs]
        tails = [run[key]["p95"] if run[key] else 0 for run in runs]
        above = [max(0, p95 - p50) for p50, p95 in zip(medians, tails, strict=True)]
        axis.bar(
            labels, medians, yerr=[[0] * len(runs), above], capsize=4, color="#3b6fb6"
        )
        axis.axhline(result["aims"][key], color="#c0392b", ls="--", label="aim")
        if key in RIVALS:
            axis.axhspan(*RIVALS[key], color="#999999", alpha=0.3, label="others")
        axis.set_title(title, fontsize=10)
        axis.set_ylabel("ms (median, bar to p95)", fontsize=8)
        axis.legend(fontsize=8)
    load = result["machine"]["load_average"][0]
    figure.suptitle(
        f"{result['machine']['cpu']}, {result['machine']['cores']} cores, "
        f"load {load}, stub engines",
        fontsize=8,
        y=0.02,
    )
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def budget(result: dict[str, Any], path: Path) -> None:
    """Draw silence after the commit by scenario: any audio, and the answer."""
    runs = result["live"]
    calls = sorted({run["calls"] for run in runs})
    names = list(dict.fromkeys(run["scenario"] for run in runs))
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    titles = {
        "any_audio_ms": "commit to any audio",
        "first_answer_ms": "commit to the answer",
    }
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        for n, count in enumerate(calls):
            rows = [run for run in runs if run["calls"] == count]
            at = [names.index(run["scenario"]) + 0.25 * (n - 1) for run in rows]
            p50 = [run[key].get("p50", 0) for run in rows]
            tails = [run[key].get("p99", 0) for run in rows]
            above = [max(0, t - m) for t, m in zip(tails, p50, strict=True)]
            axis.barh(
                at,
                p50,
                height=0.22,
                xerr=[[0] * len(p50), above],
                capsize=2,
                label=f"{count} calls" if count > 1 else "1 call",
            )
        aim = 700 if key == "any_audio_ms" else 600
        axis.axvline(aim, color="#c0392b", ls="--")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("ms (median, line to p99)", fontsize=8)
    axes[0].set_yticks(range(len(names)), names, fontsize=8)
    axes[0].invert_yaxis()
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def media(result: dict[str, Any], path: Path) -> None:
    """Draw delay, missing audio and CPU of our media path beside stock aiortc's."""
    networks = result["networks"]
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), width_ratios=(3, 3, 1))
    places = range(len(networks))
    titles = {"delay_p95_ms": "delay, p95 (ms)", "missing_percent": "audio missing (%)"}
    for axis, (key, title) in zip(axes, titles.items(), strict=False):
        for offset, receiver in ((-0.2, "ours"), (0.2, "stock")):
            values = [rows[receiver][key] for rows in networks.values()]
            at = [place + offset for place in places]
            axis.barh(at, values, 0.38, label=receiver)
        axis.set_yticks(places, list(networks), fontsize=8)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=10)
        axis.legend(fontsize=8)
    axes[1].set_yticklabels([])
    calls = result["calls"]
    shares = [min(run["cpu_per_call"] for run in runs) * 100 for runs in calls.values()]
    axes[2].bar(list(calls), shares, color=["C0", "C1"])
    axes[2].set_title("CPU per call (% of a core)", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def spectrograms(
    shown: list[tuple[str, dict[str, Any]]], rate: int, path: Path
) -> None:
    """Draw sentences, one below the other as each speaker says them.

    Args:
        shown: Text, and samples by the name of who speaks.
        rate: Of all samples.
        path: Of the picture.
    """
    rows = [(text, who, x) for text, said in shown for who, x in said.items()]
    figure, axes = plt.subplots(len(rows), 1, figsize=(12, 1.9 * len(rows)))
    window, hop = round(0.008 * rate), round(0.002 * rate)  # a burst is a line in it
    for axis, (text, who, x) in zip(axes, rows, strict=True):
        axis.specgram(
            np.asarray(x) + 1e-6,  # silence has no logarithm
            NFFT=window,
            noverlap=window - hop,
            Fs=rate,
            pad_to=512,
            vmin=-130,
            vmax=-50,
            cmap="viridis",
        )
        axis.set_ylabel(who, fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([4_000, 8_000], ["4", "8 kHz"], fontsize=6)
        if who == next(iter(dict(shown)[text])):
            axis.set_title(text, fontsize=8, loc="left")
    figure.tight_layout()
    figure.savefig(path, dpi=70, metadata={"Software": None})
    plt.close(figure)
    with Image.open(path) as drawn:  # a third of the size, and nothing seen is lost
        few = drawn.convert("RGB").quantize(COLOURS)
    few.save(path, optimize=True)


def words(result: dict[str, Any], path: Path) -> None:
    """Draw word errors, and PESQ where it was asked, clean and by both receivers."""
    titles = {"wer_percent": "words wrong (%)", "pesq_wb": "PESQ, wideband"}
    shown = [key for key in titles if key in result]
    figure, axes = plt.subplots(1, len(shown), figsize=(4 * len(shown), 3.2))
    for axis, key in zip(np.atleast_1d(axes), shown, strict=True):
        axis.bar(list(result[key]), list(result[key].values()), color="#3b6fb6")
        axis.set_title(titles[key], fontsize=10)
    figure.suptitle(f"{result['recordings']} recordings, {result['network']}")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def line(series: dict[str, Any], along: str, path: Path) -> None:
    """Draw series of ``(x, y)``, one below the other."""
    size = (8, 2.4 * len(series))
    figure, axes = plt.subplots(len(series), 1, figsize=size, sharex=True)
    for axis, (title, points) in zip(np.atleast_1d(axes), series.items(), strict=True):
        axis.plot(*np.array(points, float).reshape(-1, 2).T)
        axis.set_title(title, fontsize=10)
        axis.set_ylim(bottom=0)
    np.atleast_1d(axes)[-1].set_xlabel(along, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def browser(result: dict[str, Any], path: Path) -> None:
    """Draw what a browser heard of itself, by network, of our path and stock's."""
    networks = result["networks"]
    titles = {"correlation": "correlation", "lag_p50_ms": "lag, median (ms)"}
    titles["concealed"] = "made up by the browser (share)"
    figure, axes = plt.subplots(1, len(titles), figsize=(12, 3.4))
    places = range(len(networks))
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        for offset, name in ((-0.2, "ours"), (0.2, "stock")):
            values = [rows[name].get(key) or 0 for rows in networks.values()]
            axis.barh([at + offset for at in places], values, 0.38, label=name)
        axis.set_yticks(places, list(networks) if key == "correlation" else [])
        axis.tick_params(labelsize=8)
        axis.invert_yaxis()
        axis.set_title(title, fontsize=10)
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def websocket(result: dict[str, Any], path: Path) -> None:
    """Draw cost and delay by the number of calls, for either door."""
    parts = {
        "cpu_ms_per_call_second": "CPU per second of call, ms",
        "cpu_us_per_event": "CPU per event, \u00b5s",
        "first_audio_ms": "turn's end to first audio, ms",
        "created_ms": "connect, ms",
        "memory_mb_per_call": "memory per call, MB",
    }
    colors = {"realtime": "#3b6fb6", "stream": "#999999", "deaf": "#c0392b"}
    figure, axes = plt.subplots(1, len(parts), figsize=(13, 3.2))
    for axis, (key, title) in zip(axes, parts.items(), strict=True):
        for door, color in colors.items():
            wanted = [
                run
                for run in result["runs"]
                if ("deaf" if run["deaf"] else run["door"]) == door
            ]
            calls = [run["calls"] for run in wanted]
            shown = [run[key] for run in wanted]
            if key == "first_audio_ms":
                tails = [one["p95"] for one in shown]
                shown = [one["p50"] for one in shown]
                axis.plot(calls, tails, "^:", color=color, alpha=0.6)
            axis.plot(calls, shown, "o-", color=color, label=NAMES[door])
        axis.set_xscale("log", base=2)
        axis.set_ylim(bottom=0)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("calls; dotted: p95", fontsize=8)
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def hearing(result: dict[str, Any], path: Path) -> None:
    """Draw word errors by condition, and the wait for final words by speakers."""
    engines = result["engines"]
    figure, (errors, waits) = plt.subplots(1, 2, figsize=(11, 3.8))
    for n, (engine, found) in enumerate(engines.items()):
        rates = [each["word_errors"] for each in found["conditions"].values()]
        at = [place + 0.26 * (n - 1) for place in range(len(rates))]
        percent = [rate["percent"] for rate in rates]
        below = [rate["percent"] - rate["low"] for rate in rates]
        above = [rate["high"] - rate["percent"] for rate in rates]
        errors.bar(at, percent, 0.24, yerr=[below, above], capsize=3, label=engine)
        errors.set_xticks(range(len(rates)), list(found["conditions"]))
        if engine in WHISPER_CLEAN:
            label = "as published, LibriSpeech clean" if n == len(engines) - 1 else None
            published = WHISPER_CLEAN[engine]
            errors.plot(at[0], published, "k_", ms=16, mew=2, label=label)
        speakers = [
            (int(k), v["final_after_commit_ms"]) for k, v in found["speakers"].items()
        ]
        line = waits.plot(
            [k for k, _ in speakers],
            [w["p50"] for _, w in speakers],
            "o-",
            label=engine,
        )
        waits.plot(
            [k for k, _ in speakers],
            [w["p95"] for _, w in speakers],
            "o--",
            color=line[0].get_color(),
        )
    errors.set_title("words wrong (%), 95 % interval", fontsize=10)
    waits.set_title(
        "final words after the commit (ms): median, dashed p95", fontsize=10
    )
    waits.set_xlabel("speakers at once on one process", fontsize=8)
    waits.set_yscale("symlog", linthresh=10)
    waits.axhline(250, color="#c0392b", ls=":", label="aim of p95")
    errors.legend(fontsize=8)
    waits.legend(fontsize=8)
    machine = result["machine"]
    figure.suptitle(
        f"{machine['cpu']}, {machine['cores']} cores, load {result.get('load', '?')}",
        fontsize=8,
    )
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def kiosk(result: dict[str, Any], path: Path) -> None:
    """Draw orders that were wholly right by recogniser, beside published products."""
    engines = {name: each for name, each in result.items() if "clean" in each}
    figure, (ours, others) = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    for n, (engine, found) in enumerate(engines.items()):
        places = [0, 1, 2.5, 3.5]
        rows = [found[c][k] for c in ("clean", "12 dB") for k in ("first", "asked")]
        percent = [row[0] for row in rows]
        below = [row[0] - row[1] for row in rows]
        above = [row[2] - row[0] for row in rows]
        at = [place + 0.38 * (n - (len(engines) - 1) / 2) for place in places]
        heard_by = {"pocketsphinx": "pocketsphinx, grammar"}.get(engine, engine)
        name = f"{heard_by}, {found['clean']['orders']} orders"
        ours.bar(at, percent, 0.36, yerr=[below, above], capsize=3, label=name)
    ours.set_xticks([0, 1, 2.5, 3.5], ["at once", "asked back"] * 2, fontsize=8)
    for aim, begin in ((96, -0.5), (99, 0.5), (88, 2.0)):
        ours.plot([begin, begin + 1], [aim, aim], color="#c0392b", ls=":")
    ours.set_title("orders wholly right (%): clean, 12 dB of noise; aims", fontsize=9)
    ours.legend(fontsize=8, loc="lower right")
    others.bar(range(len(ORDERS)), list(ORDERS.values()), 0.6, color="#999999")
    others.set_xticks(range(len(ORDERS)), list(ORDERS), fontsize=8)
    others.set_title("as published: mean over noise at 6 to 24 dB", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def phone(result: dict[str, Any], path: Path) -> None:
    """Draw a telephone's delays beside a browser's, and packets' spacing."""
    told, many, flood = result["conversation"], result["many"], result["flood"]
    parts = {
        "200": told["invite_to_200_ms"],
        "greeting": told["ring_to_greeting_ms"],
        "reply, SIP": told["sip_reply_ms"],
        "reply, WebRTC": told["webrtc_reply_ms"],
        "silence, SIP": told["sip_interruption_ms"],
        "silence, WebRTC": told["webrtc_interruption_ms"],
    }
    spaced = {
        f"SIP, {many['calls']} calls": many["sip"]["spacing_ms"],
        f"WebRTC, {many['browsers']}": many["webrtc"]["spacing_ms"],
        "calm": flood.get("spacing_before_ms"),
        "beside junk": flood.get("spacing_beside_ms"),
    }
    figure, axes = plt.subplots(1, 2, figsize=(12, 3.6))
    for axis, shown, high in ((axes[0], parts, "p95"), (axes[1], spaced, "p99")):
        known = {name: one for name, one in shown.items() if one}
        axis.bar(list(known), [one["p50"] for one in known.values()], color="#3b6fb6")
        axis.plot(list(known), [one[high] for one in known.values()], "^k")
        axis.tick_params(axis="x", labelsize=7)
        axis.set_title(f"ms: bars median, marks {high}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def ways(
    parts: dict[str, dict[str, dict[str, float]]],
    aims: dict[str, float],
    path: Path,
) -> None:
    """Draw several ways of the same beside each other: medians, marks at p95.

    Args:
        parts: A picture each, of spreads in ms by the name of their way.
        aims: Lines across all pictures, by what they are of.
        path: Of the picture.
    """
    figure, _ = plt.subplots(1, len(parts), figsize=(4.2 * len(parts), 3.4))
    for axis, (title, shown) in zip([*figure.axes], parts.items(), strict=True):
        axis.bar(list(shown), [one["p50"] for one in shown.values()], color="#3b6fb6")
        axis.plot(list(shown), [one["p95"] for one in shown.values()], "^k")
        for n, (name, aim) in enumerate(aims.items()):
            axis.axhline(aim, color="#c0392b", ls=(":", "--")[n % 2], label=name)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_title(f"{title} (ms): median, marks p95", fontsize=9)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


VOICE_TITLES = {
    "distill_mos": "Distill-MOS",
    "words": "words heard otherwise (%)",
    "p808": "DNSMOS P.808",
}
VOICE_AIMS = {"distill_mos": "distill_mos", "words": "words_percent"}


def voices(result: dict[str, Any], path: Path) -> None:
    """Draw marks with their intervals: a picture for each judge, a colour for a set."""
    judges = result["judges"]
    if not judges:
        return
    figure, _ = plt.subplots(1, len(judges), figsize=(4.2 * len(judges), 4))
    for axis, (judge, groups) in zip([*figure.axes], judges.items(), strict=True):
        names = list(dict.fromkeys(who for rows in groups.values() for who in rows))
        for n, (group, rows) in enumerate(groups.items()):
            at = [names.index(who) + 0.3 * (n - 0.5) for who in rows]
            mean, low, high = (
                [mark[key] for mark in rows.values()] for key in ("mean", "low", "high")
            )
            reach = [
                [m - x for m, x in zip(mean, low, strict=True)],
                [x - m for m, x in zip(mean, high, strict=True)],
            ]
            axis.errorbar(mean, at, xerr=reach, fmt="o", capsize=3, label=group)
            aim = result["aims"].get(VOICE_AIMS.get(judge, ""), {}).get(group)
            if aim is not None:
                axis.axvline(aim, color=f"C{n}", ls=":", lw=1)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.invert_yaxis()
        axis.set_title(f"{VOICE_TITLES[judge]} (dotted: aims)", fontsize=9)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
