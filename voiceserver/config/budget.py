"""``[budget]``: what each stage of a turn may take, and what is said when it is late.

Three figures a stage. The *reserve* is what it usually takes and is kept free for it
by the stages before. The *cap* is soft: past it the next rung of the ladder begins
while the stage lives on. The *limit* is hard: past it the stage is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from voiceserver.config.checks import require


@dataclass(frozen=True, slots=True)
class BudgetConfig:
    """``[budget]``: what each stage of a turn may take, in ms after the commit.

    Attributes:
        turn_ms: Deadline of a turn, commit to first answer audio; whatever is late,
            some audio sounds by then.
        recognition_reserve_ms: Kept for the final transcript.
        recognition_cap_ms: Past it an answer to the newest partial is begun; it is
            said only if the final words are the same.
        recognition_ms: Hard limit of the final transcript; then the newest partial,
            where it has what was said to its end.
        recognition_last_ms: Limit where there is no such partial: on a machine too slow
            to keep up, waiting is better than not having heard.
        text_reserve_ms: Kept for the first clause of the answer.
        text_cap_ms: Past it a filler is said, once a turn.
        text_first_ms: First words of a provider of tier ``"simple"``; then the next.
        text_first_complex_ms: First words of a provider of tier ``"complex"``.
        text_stall_ms: Longest gap between a provider's words before its first clause
            where another could be asked.
        text_words_ms: Longest silence while words are waited for: to the first of any
            text model, and to later ones once all that was written has sounded; then
            a fixed line.
        text_total_ms: Longest wait for a first clause that grows; in a reply in text,
            for any more of it.
        speech_reserve_ms: Kept for the first audio.
        speech_cap_ms: Past it the next voice is begun, or a filler said.
        speech_first_ms: First audio of a phrase while another voice is left.
        speech_last_ms: First audio of a phrase from the last voice; then a prepared
            line.
        egress_reserve_ms: Kept for the way from the voice to the carrier.
        egress_ms: First audio made to its being taken by the carrier.
        hedge: Ask a second text provider beside the first when the first is slower
            than nine in ten of its answers; costs tokens.
        hedge_share: Most turns in which that happens, 0..1.
        speculations: Replies begun before the end of a turn is certain, at most so
            many a turn; 0 begins none. Words of a provider that come to nothing cost
            tokens.
        max_usd_per_day: What providers may cost in a day, in all processes together, by
            their prices here; then only those without a price are asked, and the
            built-in ones. 0 is no limit. Counted anew when the server is restarted.
        max_usd_per_key: The same of all calls with one API key, in a day; those without
            a key are one.
        max_usd_per_call: The same of one call.
        cheap_from: Share of a cap of money, 0..1, from which on no text provider of
            ``tier = "complex"`` with a price is asked.
        short_tokens: Bound of a reply while the server cannot keep up.
        fillers: What is said while a text model is late; each no longer than 600 ms
            when spoken, or it is left out.
        sorry: Said when no answer comes.
        lost: Said when an answer breaks off in its middle.
        pardon: Said when nothing was understood.
        unspoken: Said when an answer has nothing that can be said, such as a sign or
            code alone.
    """

    turn_ms: int = 700
    recognition_reserve_ms: int = 40
    recognition_cap_ms: int = 100
    recognition_ms: int = 400
    recognition_last_ms: int = 8000
    text_reserve_ms: int = 200
    text_cap_ms: int = 420
    text_first_ms: int = 600
    text_first_complex_ms: int = 1200
    text_stall_ms: int = 500
    text_words_ms: int = 2000
    text_total_ms: int = 8000
    speech_reserve_ms: int = 45
    speech_cap_ms: int = 110
    speech_first_ms: int = 300
    speech_last_ms: int = 1000
    egress_reserve_ms: int = 20
    egress_ms: int = 40
    hedge: bool = False
    hedge_share: float = 0.1
    speculations: int = 3
    max_usd_per_day: float = 0.0
    max_usd_per_key: float = 0.0
    max_usd_per_call: float = 0.0
    cheap_from: float = 0.8
    short_tokens: int = 80
    fillers: tuple[str, ...] = ("Hmm\u2026", "Well\u2026", "Right.")
    sorry: str = "Sorry, I could not come up with an answer just now."
    lost: str = "Sorry, I lost the rest of that."
    pardon: str = "Sorry, I did not catch that."
    unspoken: str = "I have an answer, but I can only show it."

    def __post_init__(self) -> None:
        reserved = (
            self.recognition_reserve_ms
            + self.text_reserve_ms
            + self.speech_reserve_ms
            + self.egress_reserve_ms
        )
        require(
            reserved <= self.turn_ms,
            f"the four reserves are {reserved} ms together, more than turn_ms = "
            f"{self.turn_ms}: no stage could keep its time",
        )
        self._rising("recognition_reserve_ms", "recognition_cap_ms", "recognition_ms")
        self._rising("recognition_ms", "recognition_last_ms")
        self._rising("text_reserve_ms", "text_cap_ms", "text_first_ms")
        self._rising("text_first_ms", "text_first_complex_ms", "text_words_ms")
        self._rising("text_words_ms", "text_total_ms")
        self._rising("speech_reserve_ms", "speech_cap_ms", "speech_first_ms")
        self._rising("speech_first_ms", "speech_last_ms")
        self._rising("egress_reserve_ms", "egress_ms")
        require(self.turn_ms >= 1, "turn_ms must be at least 1")
        require(self.text_stall_ms >= 1, "text_stall_ms must be at least 1")
        require(self.hedge_share <= 1, "hedge_share must be 0..1")
        caps = ("max_usd_per_call", "max_usd_per_key", "max_usd_per_day")
        self._rising(*(name for name in caps if getattr(self, name)))
        require(0 < self.cheap_from <= 1, "cheap_from must be above 0, and 1 at most")
        require(self.speculations <= 3, "speculations must be 0..3")
        require(self.short_tokens >= 1, "short_tokens must be at least 1")
        for name in ("sorry", "lost", "pardon", "unspoken"):
            require(
                any(map(str.isalnum, getattr(self, name))),
                f"{name} must hold words: it is the last thing left to say",
            )

    def _rising(self, *names: str) -> None:
        for low, high in pairwise(names):
            at, most = getattr(self, low), getattr(self, high)
            require(at <= most, f"{low} = {at} must not be above {high} = {most}")
