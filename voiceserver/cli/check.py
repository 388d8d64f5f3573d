"""``voiceserver check``: tries all that the server needs, and says what to do.

Each engine is opened alone and asked something small, so that one that fails does
not hide the others.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples, resample, to_int16
from voiceserver.carriers.audiosocket.listener import listener as audiosocket
from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.loop import Slot, log_to_stderr, open_engines, run, with_only
from voiceserver.config import (
    BudgetConfig,
    Config,
    RecogniserProvider,
    SpeechProvider,
    TextProvider,
)
from voiceserver.engines.base import LIFE_TOKENS, Message, SpeechRequest, TextRequest
from voiceserver.engines.ears import told
from voiceserver.engines.hearing.table import service_of
from voiceserver.engines.opened import Engines
from voiceserver.engines.providers.chains import text_limits
from voiceserver.engines.providers.services.chat import ChatModel
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.providers.services.sockets import WebSockets
from voiceserver.engines.providers.services.speech import SpeechService
from voiceserver.engines.table import start_limit_s
from voiceserver.errors import EngineFailed, VoiceServerError, first
from voiceserver.metrics import Metrics
from voiceserver.server.access.phone_access import PhoneAccess
from voiceserver.server.access.security import access_rules
from voiceserver.server.connections import bound_socket
from voiceserver.server.page import page_files
from voiceserver.server.pending_calls import PendingCalls

SENTENCE = "One, two, three."
PROBE_LIMIT_S = 60.0  # at least, for an engine to load and answer
PROVIDER_LIMIT_S = 8.0
LEEWAY = 1.5  # of a limit over what was measured once
WIDTH = 24  # characters of the first column

AnyProvider = TextProvider | SpeechProvider | RecogniserProvider


@dataclass(frozen=True, slots=True)
class Row:
    """The outcome of one check.

    Attributes:
        what: What was tried.
        good: Whether it works.
        note: What was found, or what to do.
    """

    what: str
    good: bool
    note: str


def check(config: Config) -> int:
    """Try everything; print a row each as it is known."""
    log_to_stderr(config)
    failed = run(_check(config))
    print(f"{failed} failed" if failed else "all good", flush=True)
    return EXIT_FAILED if failed else EXIT_GOOD


async def _check(config: Config) -> int:
    failed = 0
    async with aclosing(rows(config)) as checked:  # type: ignore[type-var]
        async for row in checked:
            failed += not row.good
            mark = "ok    " if row.good else "FAILED"
            note = row.note.replace("\n", "\n" + " " * (WIDTH + 10))
            print(f"{mark}  {row.what:<{WIDTH}}  {note}", flush=True)
    return failed


async def rows(config: Config) -> AsyncIterator[Row]:
    """Yield the outcome of each check."""
    yield Row("configuration", True, "read")
    yield _tried("access", lambda: _access(config))
    yield _tried("address", lambda: _address(config))
    yield _tried("telephony", lambda: _telephony(config))
    if config.audiosocket.port:
        yield _tried("audiosocket", lambda: _audiosocket(config))
    if config.sip.port:
        async with aclosing(_sip(config)) as tried:
            async for row in tried:
                yield row
    if config.sip.webhook.url:
        yield _tried("sip webhook", lambda: _call_webhook(config))
    if any(map(_has_a_price, _providers(config))):
        yield Row("money", True, money(config.budget))
    page = page_files()
    note = f"{len(page)} files" if page else "missing: install the package again"
    yield Row("page", bool(page), note)
    yield Row("ears", True, told(config))
    probes: list[tuple[Slot, Probe]] = [
        ("vad", _vad_answers),
        ("recogniser", _recogniser_answers),
        ("text", _text_answers),
        ("speech", _speech_answers),
    ]
    for slot, probe in probes:
        yield await _engine(config, slot, probe)
    for provider in config.text.provider:
        yield await _text_provider(provider, config.budget)
    for service in config.speech.provider:
        yield await _speech_provider(service, config.budget)
    for ears in config.recogniser.provider:
        yield await _recogniser_provider(config, ears)


def _tried(what: str, trial: Callable[[], str]) -> Row:
    try:
        return Row(what, True, trial())
    except VoiceServerError as error:
        return Row(what, False, str(error))


def _access(config: Config) -> str:
    rules = access_rules(config.server)
    return "with an API key" if rules.key_digests else "this machine only, no key"


def _providers(config: Config) -> Sequence[AnyProvider]:
    """All that callers may be answered by."""
    return [
        *config.text.provider,
        *config.speech.provider,
        *config.recogniser.provider,
    ]


def _has_a_price(provider: AnyProvider) -> bool:
    """Whether asking it is counted as money."""
    if isinstance(provider, TextProvider):
        return bool(provider.price_in or provider.price_out)
    return bool(provider.price)


def money(budget: BudgetConfig) -> str:
    """What bounds the cost of providers: 0 is easily taken for the smallest bound."""
    caps = {
        "call": budget.max_usd_per_call,
        "key": budget.max_usd_per_key,
        "day": budget.max_usd_per_day,
    }
    told = ", ".join(f"${usd:g} a {name}" for name, usd in caps.items() if usd)
    if told:
        return f"at most {told}"
    return (
        "nothing bounds what providers cost: [budget] max_usd_per_day = 0 is no limit"
    )


def _telephony(config: Config) -> str:
    """What of ``[telephony]`` can be told without a service."""
    telephony = config.telephony
    try:
        rules = access_rules(config.server)
    except VoiceServerError:
        return "needs access, above"
    access = PhoneAccess(telephony, rules)
    asked = "who calls must show who they are" if access.guarded else "takes anybody"
    where = telephony.public_url or "the Host of each request"
    note = f"{len(telephony.number)} numbers, {asked}; services are sent to {where}"
    if telephony.public_url.startswith("http://"):
        note += "\npublic_url is without TLS: most services refuse that"
    return note


def _audiosocket(config: Config) -> str:
    listener = audiosocket(config)
    assert listener is not None
    try:
        listener.bind()
    finally:
        listener.close()
    wanted = config.audiosocket
    taken = f"{len(wanted.uuids)} UUIDs" if wanted.uuids else "any call"
    return f"{wanted.host}:{wanted.port} is free, takes {taken}"


def _call_webhook(config: Config) -> str:
    """What can be told without a call: it would be asked about that."""
    asked = config.sip.webhook
    PendingCalls(asked)
    note = f"is told of each call and has {asked.limit_s:g} s; else: {asked.undecided}"
    return note if config.sip.port else f"{note}\n[sip] port is 0: no call comes"


async def _sip(config: Config) -> AsyncGenerator[Row, None]:
    """The telephones' sockets, the server itself over them, accounts and trunks."""
    try:
        from voiceserver.carriers.sip.listener import listener  # an extra
    except ImportError as error:
        cure = f"{error}; install it: pip install 'voiceserver[sip]'"
        yield Row("sip", False, cure)
        return
    it = listener(config)
    try:
        it.bind()
        for trial in await it.trials():
            yield Row(trial.what, trial.good, trial.note)
    except VoiceServerError as error:
        yield Row("sip", False, str(error))
    finally:
        it.close()


def _address(config: Config) -> str:
    with bound_socket(config.server.host, config.server.port):
        return f"{config.server.host}:{config.server.port} is free"


Probe = Callable[[Engines], Awaitable[str]]


async def _engine(config: Config, slot: Slot, probe: Probe) -> Row:
    what = f"{slot} {getattr(config.engines, slot)}"
    began = time.perf_counter()
    alone, limit_s = with_only(config, slot), PROBE_LIMIT_S
    try:
        limit_s = max(limit_s, start_limit_s(alone))
        async with asyncio.timeout(limit_s), open_engines(alone, Metrics()) as engines:
            loaded_s = time.perf_counter() - began
            note = await probe(engines)
    except TimeoutError:
        return Row(what, False, f"did not answer within {limit_s:.0f} s")
    except Exception as error:  # noqa: BLE001 - a check reports whatever it finds
        return Row(what, False, _words(error))
    return Row(what, True, f"{note}; loaded in {loaded_s:.1f} s")


def _words(error: Exception) -> str:
    error = first(error)
    if isinstance(error, VoiceServerError):
        return str(error)
    return f"{type(error).__name__}: {error}"


async def _vad_answers(engines: Engines) -> str:
    detector = engines.vad.open()
    silence = np.zeros(detector.window, np.float32)
    probability = detector.probability(silence)
    if not 0 <= probability <= 1:
        raise EngineFailed("vad", f"gave {probability} as a probability")
    return (
        "hears silence as silence" if probability < 0.5 else "hears silence as speech"
    )


async def _recogniser_answers(engines: Engines) -> str:
    utterance = engines.recogniser.open()
    try:
        utterance.push(np.zeros(MIC_RATE // 2, np.float32))
        await utterance.final()
    finally:
        utterance.close()
    return engines.recogniser.name


async def _text_answers(engines: Engines) -> str:
    request = TextRequest((Message("user", "hello"),), max_output_tokens=16)
    async with aclosing(engines.text.reply(request)) as stream:
        async for _ in stream:
            return f"{engines.text.name} {engines.text.version}"
    raise EngineFailed("text", "answered nothing to 'hello'")


async def _speech_answers(engines: Engines) -> str:
    request = SpeechRequest("Hello.", engines.speech.voices[0])
    n_samples = 0
    async with aclosing(engines.speech.speak(request)) as stream:
        async for chunk in stream:
            n_samples += len(chunk.samples)
    if n_samples == 0:
        raise EngineFailed("speech", "gave no audio for 'Hello.'")
    return f"{engines.speech.name}, {len(engines.speech.voices)} voices"


async def _text_provider(provider: TextProvider, budget: BudgetConfig) -> Row:
    """Ask a provider a word: address, key, model and pin are proved by an answer."""
    what = f"text {provider.name}"
    try:
        async with asyncio.timeout(PROVIDER_LIMIT_S), Http() as http:
            model = ChatModel(provider, http)
            began = time.perf_counter()
            request = TextRequest(
                (Message("user", "hello"),), max_output_tokens=LIFE_TOKENS, life=True
            )
            async with aclosing(model.reply(request)) as words:
                await anext(words, None)
                first_ms = (time.perf_counter() - began) * 1000
                async for _ in words:
                    pass
    except TimeoutError:
        return Row(what, False, f"no answer within {PROVIDER_LIMIT_S:.0f} s")
    except Exception as error:  # noqa: BLE001 - a check reports whatever it finds
        return Row(what, False, _words(error))
    pin = f"is {provider.expect_model}" if provider.expect_model else "not pinned"
    late = text_is_late(first_ms, provider, budget)
    note = f"first words after {first_ms:.0f} ms{late}; model {pin}"
    if model.refused.members:
        note += f"; asked without what it refuses: {model.refused}"
    return Row(what, True, note)


def text_is_late(first_ms: float, provider: TextProvider, budget: BudgetConfig) -> str:
    """What to set where first words come later than they are waited for; else nothing.

    One answer on a new connection is no measure, so that it is no failure either.
    """
    limit_ms = round(1000 * text_limits(provider, budget).first_s)
    if first_ms <= limit_ms:
        return ""
    strong = provider.tier == "complex"
    of_tier = "text_first_complex_ms" if strong else "text_first_ms"
    setting = "its first_ms" if provider.first_ms else f"[budget] {of_tier}"
    wanted_ms = 100 * math.ceil(first_ms * LEEWAY / 100)
    told = (
        f", later than {setting} = {limit_ms}: it would mostly be passed over; set "
        f"first_ms = {wanted_ms} in its [[text.provider]]"
    )
    if wanted_ms > budget.text_words_ms:
        told += f", and [budget] text_words_ms = {wanted_ms} at least"
    return told


async def _speech_provider(provider: SpeechProvider, budget: BudgetConfig) -> Row:
    """Have a service speak a word."""
    what = f"speech {provider.name}"
    try:
        async with asyncio.timeout(PROVIDER_LIMIT_S), Http() as http:
            voice = SpeechService(provider, http)
            began = time.perf_counter()
            async with aclosing(voice.speak(SpeechRequest("Hello."))) as chunks:
                await anext(chunks)
                first_ms = (time.perf_counter() - began) * 1000
                async for _ in chunks:
                    pass
    except TimeoutError:
        return Row(what, False, f"no audio within {PROVIDER_LIMIT_S:.0f} s")
    except Exception as error:  # noqa: BLE001 - a check reports whatever it finds
        return Row(what, False, _words(error))
    late = ""
    if first_ms > (limit_ms := budget.speech_first_ms):
        late = f", later than [budget] speech_first_ms = {limit_ms}: mostly the own "
        late += "voice would speak in its place; raise it"
    note = f"first audio after {first_ms:.0f} ms{late}; {provider.voice}"
    return Row(what, True, note)


async def _recogniser_provider(config: Config, provider: RecogniserProvider) -> Row:
    """Have a service hear a sentence of the server's own voice."""
    what = f"recogniser {provider.name}"
    try:
        spoken = resample(await _sentence(config), SPEECH_RATE, MIC_RATE)
        pcm = to_int16(spoken).astype("<i2").tobytes()
        async with asyncio.timeout(PROVIDER_LIMIT_S), Http() as http:
            service = service_of(provider, http, WebSockets())
            began = time.perf_counter()
            async with aclosing(service.recognise(pcm)) as heard:
                text = (await anext(heard)).text
            took_ms = (time.perf_counter() - began) * 1000
    except TimeoutError:
        return Row(what, False, f"no words within {PROVIDER_LIMIT_S:.0f} s")
    except Exception as error:  # noqa: BLE001 - a check reports whatever it finds
        return Row(what, False, _words(error))
    if not text:
        return Row(what, False, f"heard no words in {SENTENCE!r}")
    return Row(what, True, f"words after {took_ms:.0f} ms; {provider.model}")


async def _sentence(config: Config) -> Samples:
    """A sentence in the server's own voice, 24 kHz."""
    own = dataclasses.replace(config.speech, provider=())
    alone = with_only(dataclasses.replace(config, speech=own), "speech")
    limit_s = max(PROBE_LIMIT_S, start_limit_s(alone))
    async with asyncio.timeout(limit_s), open_engines(alone, Metrics()) as engines:
        request = SpeechRequest(SENTENCE, engines.speech.voices[0])
        async with aclosing(engines.speech.speak(request)) as stream:
            return np.concatenate([chunk.samples async for chunk in stream])
