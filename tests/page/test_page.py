"""The page in a real browser, state by state, against a scripted server.

``VOICESERVER_SCREENSHOTS`` names a folder to keep pictures in.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, Chromium, Look, chromium
from tests.page.fake_server import FakeServer
from tests.polling import until
from voiceserver.events import MediaReport
from voiceserver.server.page import page_files

pytestmark = pytest.mark.net

# Bytes: all that a first visit loads; a fifth of a second on a 1 Mbit/s line.
WEIGHT_LIMIT = 25_000
PHONE = Look(width=390, height=844, mobile=True)
DARK_PHONE = Look(width=390, height=844, mobile=True, dark=True)
TRANSCRIPTION = "conversation.item.input_audio_transcription"
MEDIA = asdict(
    MediaReport(
        received=980, lost=20, late=1, audio_ms=20_000, concealed_ms=300,
        jitter_ms=3.2, held_ms=1.6, rtt_ms=24.1, underruns=3,
    )
)  # fmt: skip
LATENCY = {
    "turn": 1,
    "item_id": "item_a1",
    "endpoint_reason": "complete",
    "endpoint_ms": 320.0,
    "stages": [
        {"stage": "recognition", "started_ms": 0.0, "planned_ms": 400.0,
         "spent_ms": 38.2, "outcome": "ok"},
        {"stage": "text", "started_ms": 38.2, "planned_ms": 600.0,
         "spent_ms": 121.0, "outcome": "ok"},
        {"stage": "speech", "started_ms": 159.2, "planned_ms": 300.0,
         "spent_ms": 44.0, "outcome": "ok"},
        {"stage": "egress", "started_ms": 203.2, "planned_ms": 40.0,
         "spent_ms": 18.0, "outcome": "ok"},
    ],
    "first_audio_ms": 221.2,
    "target_ms": 900.0,
    "answered_by": "responder",
    "outcome": "completed",
    "blame": "",
}  # fmt: skip


async def state(page: Browser, wanted: str) -> None:
    """Wait until the page is in a state."""
    await page.wait_for(f"document.body.dataset.state === {json.dumps(wanted)}")


async def picture(page: Browser, name: str, settle_s: float = 0.9) -> None:
    """Keep a picture, if anybody wants them."""
    if folder := os.environ.get("VOICESERVER_SCREENSHOTS"):
        await asyncio.sleep(settle_s)
        keep(Path(folder), name, await page.screenshot())


def keep(folder: Path, name: str, image: bytes) -> None:
    """Write a picture down."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.png").write_bytes(image)


async def words(page: Browser, item: str) -> str:
    """The words of a line of the transcript."""
    query = json.dumps(f'[data-item="{item}"] .words')
    return str(await page.evaluate(f"document.querySelector({query})?.textContent"))


async def begin(page: Browser, server: FakeServer) -> None:
    """Open the page and start a call."""
    await page.navigate(server.url)
    await page.click("#talk")
    await state(page, "listening")
    await server.heard("session.update")


def hear(server: FakeServer, item: str, text: str) -> None:
    """The user's turn, as the server tells it."""
    server.tell("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id=item)
    server.tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
    content = [{"type": "input_audio", "transcript": None}]
    line = {"id": item, "type": "message", "role": "user", "content": content}
    server.tell("conversation.item.added", item=line, previous_item_id=None)
    server.tell("conversation.item.done", item=line, previous_item_id=None)
    server.tell(
        f"{TRANSCRIPTION}.completed",
        item_id=item,
        content_index=0,
        transcript=text,
        usage={"type": "duration", "seconds": 1.2},
    )


def answer(server: FakeServer, item: str, text: str, status: str = "completed") -> None:
    """A whole generation, before it sounds."""
    response = {"id": f"resp_{item}", "status": "in_progress", "output": []}
    server.tell("response.created", response=response)
    line = {"id": item, "type": "message", "role": "assistant", "content": []}
    server.tell("conversation.item.added", item=line, previous_item_id=None)
    name = "response.output_audio_transcript"
    for word in text.split(" "):
        server.tell(f"{name}.delta", item_id=item, delta=word + " ")
    server.tell(f"{name}.done", item_id=item, transcript=text)
    server.tell("response.done", response=response | {"status": status, "output": [1]})


def sound(server: FakeServer, item: str) -> None:
    """The answer begins to be heard."""
    server.speaking = True
    server.tell("output_audio_buffer.started", response_id=f"resp_{item}")


def heard(server: FakeServer, item: str, text: str, rest: str = "") -> None:
    """The answer was heard to its end, or cut off."""
    server.speaking = False
    kind = "cleared" if rest else "stopped"
    server.tell(f"output_audio_buffer.{kind}", response_id=f"resp_{item}")
    server.tell("voiceserver.item.heard", item_id=item, heard=text, unheard=rest)


async def converse(page: Browser, server: FakeServer) -> None:
    """One question and its answer, heard to the end, and its account."""
    server.tell(
        "input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u1"
    )
    hear(server, "item_u1", "what time is it")
    answer(server, "item_a1", "It is ten to four in the afternoon.")
    sound(server, "item_a1")
    heard(server, "item_a1", "It is ten to four in the afternoon.")
    server.tell("voiceserver.turn.latency", **LATENCY)
    await page.wait_for("document.querySelector('#latency').dataset.shown")


async def account_is_shown(page: Browser) -> None:
    """Who answered, when, and budget against actual of each stage."""
    summary = "document.querySelector('#latency-summary').textContent"
    # 320 + 221 ms
    assert await page.wait_for(summary) == "Answered in 0.54 s · by responder"
    chart = await page.evaluate("document.querySelector('#chart').textContent")
    for actual_of_budget in ("38 of 400", "121 of 600", "44 of 300", "18 of 40"):
        assert f"{actual_of_budget} ms" in chart


async def language_is_shown(page: Browser, server: FakeServer, query: str) -> None:
    """Of a turn that was spoken in another, for eyes and for what reads aloud."""
    kind = "voiceserver.input_transcript.language"
    server.tell(kind, item_id="item_u1", language="pt")
    who = f"{query}.innerText.includes('You, in Portuguese')"
    await page.wait_for(f"{query}.lang === 'pt' && {who}")


async def test_it_is_light_enough() -> None:
    """All files of the page together stay below the limit; the operator's are apart."""
    files = {
        name: file
        for name, file in page_files().items()
        if name and not name.startswith("ops")
    }
    assert sum(len(file.packed) for file in files.values()) < WEIGHT_LIMIT


async def test_a_whole_turn(server: FakeServer, browser: Chromium) -> None:
    """Listening, hearing, thinking, speaking; partials provisional; the account."""
    async with browser.page() as page:
        await page.navigate(server.url)
        await state(page, "idle")
        await picture(page, "idle")
        await begin(page, server)
        await picture(page, "listening")
        update = await server.heard("session.update")
        detection = update["session"]["audio"]["input"]["turn_detection"]
        assert detection == {"type": "semantic_vad", "eagerness": "high"}

        server.tell(
            "input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u1"
        )
        server.tell(
            "voiceserver.input_transcript.partial", item_id="item_u1", text="what time"
        )
        await state(page, "hearing")
        query = "document.querySelector('[data-item=item_u1]')"
        await page.wait_for(f"{query}?.dataset.partial === 'true'")
        assert await words(page, "item_u1") == "what time"
        await picture(page, "hearing")

        hear(server, "item_u1", "what time is it")
        await page.wait_for(f"{query}.dataset.partial === 'false'")
        await state(page, "thinking")
        await language_is_shown(page, server, query)
        await picture(page, "thinking")

        answer(server, "item_a1", "It is ten to four in the afternoon.")
        sound(server, "item_a1")
        await state(page, "speaking")
        await page.wait_for("document.querySelector('[data-role=assistant]')")
        await picture(page, "speaking")

        heard(server, "item_a1", "It is ten to four in the afternoon.")
        server.tell("voiceserver.turn.latency", **LATENCY)
        await state(page, "listening")
        await account_is_shown(page)
        foot = "document.querySelector('[data-item=item_a1] .foot').textContent"
        assert await page.evaluate(foot) == "responder · 0.54 s"
        said = "document.querySelector('#announcer').textContent"
        announced = await page.evaluate(said)
        assert announced.count("what time is it") == 1
        assert announced.count("ten to four") == 1
        await picture(page, "turn-over")
        assert page.complaints == []


async def test_how_the_audio_fares_is_shown(
    server: FakeServer, browser: Chromium
) -> None:
    """Shares, not counts, under the account of the turn."""
    async with browser.page() as page:
        await begin(page, server)
        server.tell("voiceserver.media", **MEDIA)
        line = await page.wait_for("document.querySelector('#line-note').textContent")
        assert "2.0 % lost, 1 late; 1.5 % made up" in line
        assert "24 ms round trip; answers: 3 underruns" in line
        assert page.complaints == []


async def test_an_interruption_strikes_the_words_not_heard(
    server: FakeServer, browser: Chromium
) -> None:
    """Unheard words are marked as such, for eyes and for screen readers."""
    async with browser.page() as page:
        await begin(page, server)
        hear(server, "item_u1", "tell me about the bridge")
        answer(server, "item_a1", "It was opened in 1883 and spans the East River.")
        sound(server, "item_a1")
        await state(page, "speaking")
        server.tell(
            "input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u2"
        )
        heard(server, "item_a1", "It was opened in 1883", " and spans the East River.")
        server.tell(
            "voiceserver.input_transcript.partial", item_id="item_u2", text="thank you"
        )
        await state(page, "hearing")
        struck = "document.querySelector('[data-item=item_a1] del')?.textContent"
        assert await page.wait_for(struck) == " and spans the East River."
        late = LATENCY | {"blame": "text", "first_audio_ms": 1240.0,
                          "steps": ["text.filler", "text.next_provider"], "stages": [
            {"stage": "recognition", "started_ms": 0.0, "planned_ms": 400.0,
             "spent_ms": 61.0, "outcome": "ok"},
            {"stage": "text", "started_ms": 61.0, "planned_ms": 600.0,
             "spent_ms": 1102.0, "outcome": "late"},
            {"stage": "speech", "started_ms": 1163.0, "planned_ms": 300.0,
             "spent_ms": 58.0, "outcome": "ok"},
        ]}  # fmt: skip
        server.tell("voiceserver.turn.latency", **late)
        note = "document.querySelector('#latency-note').textContent"
        said = await page.wait_for(f"{note}.includes('late') && {note}")
        steps = "text.filler; text.next_provider"
        assert said == f"First sound 1240 of 900 ms; late: answer; {steps}"
        await picture(page, "interrupted")
        hear(server, "item_u2", "thank you")
        await state(page, "thinking")
        assert page.complaints == []


async def test_typed_words_are_asked_and_answered(
    server: FakeServer, browser: Chromium
) -> None:
    """A chip before the first turn starts a call and asks; Enter asks too."""
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.click("#chips li:nth-child(3) button")
        created = await server.heard("conversation.item.create")
        await server.heard("response.create")
        assert created["item"]["content"][0]["text"] == "What is twelve times seven?"
        await state(page, "thinking")
        answer(server, "item_a1", "Eighty four.")
        sound(server, "item_a1")
        await state(page, "speaking")

        await page.click("#words")
        await page.write("And times two?")
        await page.press("Enter")
        await server.heard("output_audio_buffer.clear")
        again = await server.heard("conversation.item.create", 2)
        assert again["item"]["content"][0]["text"] == "And times two?"
        await server.heard("response.create", 2)
        assert page.complaints == []


async def test_typing_waits_until_the_active_answer_has_ended(
    server: FakeServer, browser: Chromium
) -> None:
    """A second response is asked for only after the cancelled one is done."""
    async with browser.page() as page:
        await begin(page, server)
        server.tell("response.created", response={"id": "resp_1"})
        await page.wait_for("!document.querySelector('#skip').disabled")
        await page.click("#words")
        await page.write("Never mind")
        await page.press("Enter")
        await server.heard("response.cancel")
        assert "response.create" not in server.types
        done = {"id": "resp_1", "status": "cancelled", "output": []}
        server.tell("response.done", response=done)
        await server.heard("response.create")
        assert await page.evaluate("document.querySelector('#notice').hidden")


async def test_that_an_answer_failed_is_said_until_one_does_not(
    server: FakeServer, browser: Chromium
) -> None:
    """A voice that was started again speaks; nobody has to close the notice."""
    hidden = "document.querySelector('#notice').hidden"
    async with browser.page() as page:
        await begin(page, server)
        answer(server, "item_1", "Well", "failed")
        await page.wait_for(f"!{hidden}")
        answer(server, "item_2", "Well", "cancelled")
        answer(server, "item_3", "Twelve.")
        await page.wait_for(hidden)
        assert page.complaints == []


async def test_the_keyboard_is_enough(server: FakeServer, browser: Chromium) -> None:
    """Space starts and stops, M mutes, Escape ends the answer."""
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.press(" ")
        await state(page, "listening")
        await page.press("m")
        await page.wait_for("document.body.dataset.muted === 'true'")
        await picture(page, "muted")
        await page.press("m")
        await page.wait_for("document.body.dataset.muted === 'false'")
        server.tell("response.created", response={"id": "resp_1"})
        await page.wait_for("!document.querySelector('#skip').disabled")
        await page.press("Escape")
        await server.heard("response.cancel")
        for _ in range(3):
            await page.press("Tab")
        await picture(page, "focus")
        await page.evaluate("document.querySelector('#scroller').focus()")
        await page.press(" ")  # scrolls
        assert await page.evaluate("document.body.dataset.state") != "idle"
        await page.evaluate("document.activeElement.blur()")
        await page.press(" ")
        await state(page, "idle")
        await server.hung_up("/v1/realtime/calls/rtc_1")


async def test_a_full_server_says_so(server: FakeServer, browser: Chromium) -> None:
    """The server's reason is shown, and trying again works."""
    server.refusing = "overloaded"
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.click("#talk")
        await state(page, "error")
        notice = await page.evaluate("document.querySelector('#notice').innerText")
        assert "The server is full." in notice
        assert "All 8 lines are taken." in notice
        await picture(page, "full")
        server.refusing = ""
        await page.click("#talk")
        await state(page, "listening")
        assert await page.evaluate("document.querySelector('#notice').hidden")
        assert page.complaints == []


async def test_typed_words_come_back_when_the_call_fails(
    server: FakeServer, browser: Chromium
) -> None:
    """Nobody types a sentence twice."""
    server.refusing = "overloaded"
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.evaluate("document.querySelector('#words').focus()")
        await page.write("What time is it?")
        await page.press("Enter")
        await state(page, "error")
        words = await page.evaluate("document.querySelector('#words').value")
        assert words == "What time is it?"


async def test_a_server_that_starts_is_waited_for(
    server: FakeServer, browser: Chromium
) -> None:
    """Engines still loading are no error: the page calls until it is answered."""
    server.refusing = "not_ready"
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.click("#talk")
        await state(page, "reconnecting")
        hint = "document.querySelector('#hint').textContent"
        assert "The server is not ready." in await page.evaluate(hint)
        await picture(page, "waiting")
        server.refusing = ""
        await state(page, "listening")


async def test_a_key_is_asked_for_and_sent(
    server: FakeServer, browser: Chromium
) -> None:
    """A server with a key is used from the page once the key is typed, also later."""
    server.key = "the key"
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.click("#talk")
        await state(page, "error")
        notice = await page.evaluate("document.querySelector('#notice').innerText")
        assert "The server asks for a key." in notice
        typed = "const k = document.querySelector('#key'); k.value = 'the key'; "
        await page.evaluate(typed + "k.dispatchEvent(new Event('change')); 0")
        await page.navigate(server.url)
        await begin(page, server)


async def test_a_refused_microphone_leaves_typing(server: FakeServer) -> None:
    """Permission denied is explained; typed words still start a call."""
    with chromium(deny_microphone=True) as browser:
        async with browser.page() as page:
            await page.navigate(server.url)
            await page.click("#talk")
            await state(page, "error")
            notice = await page.evaluate("document.querySelector('#notice').innerText")
            assert "The microphone is blocked." in notice
            await picture(page, "denied")
            await page.click("#notice-action")
            assert await page.evaluate("document.activeElement.id") == "words"
            await page.write("What time is it?")
            await page.press("Enter")
            await server.heard("response.create")
            await state(page, "thinking")
            await picture(page, "typing-only")
            assert page.complaints == []


MICROPHONE_FAULTS = {
    "undefined": "This address cannot use the microphone.",
    "reject('NotFoundError')": "No microphone was found.",
    "reject('NotReadableError')": "The microphone cannot be used.",
}


async def test_each_microphone_fault_is_explained(
    server: FakeServer, browser: Chromium
) -> None:
    """Each reason why there is no microphone has words of its own."""
    async with browser.page() as page:
        for fault, title in MICROPHONE_FAULTS.items():
            await page.navigate(server.url)
            await page.evaluate(
                "(() => { const reject = name => ({getUserMedia: () => Promise.reject("
                "new DOMException('', name))}); Object.defineProperty(navigator,"
                f" 'mediaDevices', {{value: {fault}}}) }})()"
            )
            await page.click("#talk")
            await state(page, "error")
            notice = await page.evaluate("document.querySelector('#notice').innerText")
            assert title in notice
        assert page.complaints == []


# Microphones that are granted when the test says so, each a track of its own.
SLOW_MICROPHONE = """(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.granted = [];
    window.grants = [];
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        await new Promise((resolve) => window.grants.push(resolve));
        const stream = await real(wanted);
        window.granted.push(stream.getAudioTracks()[0]);
        return stream;
    };
})()"""
LIVE = "window.granted.filter((track) => track.readyState === 'live').length"


async def test_a_microphone_granted_after_stop_is_let_go_of(
    server: FakeServer, browser: Chromium
) -> None:
    """Whoever stops while the browser still asks is not recorded afterwards."""
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.evaluate(SLOW_MICROPHONE)
        await page.click("#talk")
        await page.wait_for("window.grants.length === 1")
        await page.click("#talk")
        await state(page, "idle")
        await page.evaluate("window.grants[0]()")
        await page.wait_for("window.granted.length === 1")
        await page.wait_for(f"{LIVE} === 0", 2.0)
        assert page.complaints == []


async def test_one_microphone_is_open_after_a_hasty_restart(
    server: FakeServer, browser: Chromium
) -> None:
    """Of two requests that are granted together the call keeps the newer."""
    async with browser.page() as page:
        await page.navigate(server.url)
        await page.evaluate(SLOW_MICROPHONE)
        for n_asked in (1, 2):
            await page.click("#talk")
            await page.wait_for(f"window.grants.length === {n_asked}")
            if n_asked == 1:
                await page.click("#talk")
        await page.evaluate("window.grants.forEach((grant) => grant())")
        await state(page, "listening")
        await page.wait_for("window.granted.length === 2")
        await page.wait_for(f"{LIVE} === 1", 2.0)
        await page.click("#talk")
        await page.wait_for(f"{LIVE} === 0", 2.0)
        assert page.complaints == []


async def test_a_server_that_does_not_answer_is_an_error(
    server: FakeServer, browser: Chromium
) -> None:
    """A first call that nobody takes says so and does not try for ever."""
    async with browser.page() as page:
        await page.navigate(server.url)
        await server.stop()
        await page.click("#talk")
        await state(page, "error")
        notice = await page.evaluate("document.querySelector('#notice').innerText")
        assert "The server does not answer." in notice
        assert page.complaints == []


async def test_it_reconnects_after_the_server_restarts(
    server: FakeServer, browser: Chromium
) -> None:
    """The loss is shown, the new call is told what was said before."""
    async with browser.page() as page:
        await begin(page, server)
        await converse(page, server)
        await server.stop()
        await state(page, "reconnecting")
        await picture(page, "reconnecting", settle_s=2.0)
        server.received.clear()
        await server.start()
        await state(page, "listening")
        items = [
            (await server.heard("conversation.item.create", n))["item"] for n in (1, 2)
        ]
        assert [item["role"] for item in items] == ["user", "assistant"]
        assert items[1]["content"][0]["text"].startswith("It is ten")
        lines = "document.querySelectorAll('#transcript li').length"
        assert await page.evaluate(lines) == 2
        assert page.complaints == []


async def test_a_silent_line_is_replaced(server: FakeServer, browser: Chromium) -> None:
    """Without a packet for two seconds the page calls again, by itself."""
    async with browser.page() as page:
        await begin(page, server)
        await asyncio.sleep(1)  # real packets must have come
        server.mute_packets()
        await state(page, "reconnecting")
        server.mute_packets(False)
        await state(page, "listening")
        assert server.calls == 2


async def test_a_call_ended_by_the_server_shows_the_reason(
    server: FakeServer, browser: Chromium
) -> None:
    """The reason is shown and the page does not call again."""
    async with browser.page() as page:
        await begin(page, server)
        # The words mean nothing to it, only the code does.
        words = "the call lasted an hour, before a restart of the worker"
        server.tell("voiceserver.call.ended", reason=words, code="limit")
        await state(page, "error")
        notice = await page.evaluate("document.querySelector('#notice').innerText")
        assert "The call lasted an hour, before" in notice
        await asyncio.sleep(1)
        assert server.calls == 1


async def test_it_calls_again_when_the_server_goes(
    server: FakeServer, browser: Chromium
) -> None:
    """By the code of the end, whatever its words."""
    async with browser.page() as page:
        await begin(page, server)
        server.tell("voiceserver.call.ended", reason="good night", code="closing")
        await until(lambda: server.calls == 2)
        await state(page, "listening")


async def test_settings_are_applied_and_kept(
    server: FakeServer, browser: Chromium
) -> None:
    """A change goes out at once and survives a reload."""
    async with browser.page() as page:
        await begin(page, server)
        await page.click("#open-settings")
        await page.wait_for("document.querySelector('#voice option[value=kathleen]')")
        other = "document.querySelector('#voice option[value=alloy]')"
        assert await page.evaluate(other) is None
        await picture(page, "settings")
        await page.evaluate(
            "(() => { const v = document.querySelector('#voice'); v.value = 'kathleen';"
            " v.dispatchEvent(new Event('change', {bubbles: true})) })()"
        )
        await page.click("[value=low] + span")
        update = await server.heard("session.update", 3)
        audio: Any = update["session"]["audio"]
        assert audio["output"]["voice"] == "kathleen"
        assert audio["input"]["turn_detection"]["eagerness"] == "low"
        await page.press("Escape")
        await begin(page, server)
        update = await server.heard("session.update", 4)
        assert update["session"]["audio"]["output"]["voice"] == "kathleen"
        assert page.complaints == []


async def test_a_voice_that_the_server_lacks_is_given_up(
    server: FakeServer, browser: Chromium
) -> None:
    """A stored choice that is refused does not take the other settings with it."""
    async with browser.page() as page:
        await page.navigate(server.url)
        stored = json.dumps(json.dumps({"voice": "gone", "patience": "low"}))
        await page.evaluate(f"localStorage.setItem('voiceserver.settings', {stored})")
        await begin(page, server)
        refused = {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": "unknown voice; the voices are: kathleen",
            "param": "session.audio.output.voice",
        }
        server.tell("error", error=refused)
        update = await server.heard("session.update", 2)
        audio: Any = update["session"]["audio"]
        assert audio["output"]["voice"] == "alloy"
        assert audio["input"]["turn_detection"]["eagerness"] == "low"
        assert "kathleen" in await page.evaluate(
            "document.querySelector('#notice').innerText"
        )


LOOKS = {
    "phone": PHONE,
    "phone-dark": DARK_PHONE,
    "phone-small": Look(width=320, height=568, mobile=True),
    "landscape": Look(width=844, height=390, mobile=True, dark=True),
    "dark": Look(dark=True),
    "still": Look(still=True),
    "large": Look(width=1920, height=1080),
}
SPOTS = """
['#orb', '#status', '#talk', '#typed'].map(query => {
  const r = document.querySelector(query).getBoundingClientRect();
  return [r.x, r.y, r.width, r.height].map(Math.round).join();
}).join(' ')
"""


async def test_it_fits(server: FakeServer, browser: Chromium) -> None:
    """Nothing overflows, nothing jumps, on small and large screens."""
    async with browser.page() as page:
        for name, look in LOOKS.items():
            await page.show(look)
            await fits(page, server, name)
        assert page.complaints == []


async def fits(page: Browser, server: FakeServer, name: str) -> None:
    """A turn in one look."""
    wide = "document.documentElement.scrollWidth <= innerWidth"
    server.received.clear()
    await page.navigate(server.url)
    await state(page, "idle")
    await picture(page, f"{name}-idle")
    before = str(await page.evaluate(SPOTS)).split()
    assert await page.evaluate(wide)
    await page.click("#talk")
    await state(page, "listening")
    await server.heard("session.update")
    server.tell(
        "input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u1"
    )
    hear(server, "item_u1", "how old is the brooklyn bridge")
    answer(server, "item_a1", "It was opened in 1883, so it is 143 years old.")
    sound(server, "item_a1")
    await state(page, "speaking")
    during = str(await page.evaluate(SPOTS)).split()
    # The status is centred text: only its place from top to bottom must hold.
    assert [during[0], *during[2:]] == [before[0], *before[2:]]
    assert during[1].split(",")[1] == before[1].split(",")[1]
    heard(server, "item_a1", "It was opened in 1883, so it is 143 years old.")
    server.tell("voiceserver.turn.latency", **LATENCY)
    server.tell(
        "input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u2"
    )
    server.tell(
        "voiceserver.input_transcript.partial", item_id="item_u2", text="and who"
    )
    await state(page, "hearing")
    await picture(page, f"{name}-hearing")
    assert await page.evaluate(wide)
