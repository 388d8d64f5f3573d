"""Settings of turn-taking: when the user's turn begins, ends, and interrupts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voiceserver.config.checks import require


@dataclass(frozen=True, slots=True)
class TurnConfig:
    """``[turn]``: when the user's turn begins, ends, and interrupts.

    Attributes:
        policy: ``"graded"`` waits by how complete the words look; ``"fixed"`` waits
            ``silence_ms`` and interrupts after ``interrupt_ms``, whatever was said;
            ``"manual"`` leaves it to the client.
        silence_ms: Fixed policy: silence that ends a turn. 500 is OpenAI's default.
        interrupt_ms: Fixed policy: speech over the reply that interrupts it.
        complete_ms: Graded: silence after words that look complete.
        unclear_ms: Graded: silence when the words do not tell.
        incomplete_ms: Graded: silence after words that look unfinished.
        max_unclear_ms: Graded, where a turn-end model hears the voice: silence when the
            words do not tell, at most, however unfinished the voice sounds.
        cap_ms: Graded: silence that always ends a turn.
        patience_ms: Added to each silence that ends a turn, whoever asks for which.
        certainty: Graded, where a turn-end model hears the voice: how sure one wants
            to be that a turn is over, 0.5..0.99; the silence needed follows from it.
        threshold: Speech probability that starts an utterance. Silero's default.
        threshold_playing: The same while a reply sounds, against its echo.
        start_ms: Speech needed to start an utterance: three windows of Silero.
        confirm_ms: Graded: speech over the reply that confirms an interruption.
        backchannel_ms: Graded: overlaps shorter than this may be backchannels.
        prefix_ms: Audio before the start that the recogniser gets. OpenAI's default.
        max_utterance_s: An utterance this long is committed as it stands; less of it
            suits a place where others always talk.
        duck_db: By how much the reply is lowered while an overlap is unconfirmed.
        idle_ms: Silence of the user after a reply upon which the server speaks up; 0
            is never.
        idle_line: Said then; empty asks the text model what to say.
        idle_asks: After so many of them in a row the call is ended; 0 is never.
        idle_goodbye: Said before it is.
        create_reply: Answer at the end of each turn; off, the client asks.
        interrupt: Let speech interrupt the reply.
        far_field: Callers stand before a loudspeaker and a microphone (a kiosk, a
            speakerphone): echo and noise are taken out of what is heard (extra
            ``apm``), where a client says nothing else by ``noise_reduction``.
    """

    policy: Literal["graded", "fixed", "manual"] = "graded"
    silence_ms: int = 500
    interrupt_ms: int = 200
    complete_ms: int = 300
    unclear_ms: int = 500
    incomplete_ms: int = 1000
    max_unclear_ms: int = 800
    cap_ms: int = 2000
    patience_ms: int = 0
    certainty: float = 0.91
    threshold: float = 0.5
    threshold_playing: float = 0.7
    start_ms: int = 96
    confirm_ms: int = 500
    backchannel_ms: int = 700
    prefix_ms: int = 300
    max_utterance_s: int = 300
    duck_db: float = 12.0
    idle_ms: int = 0
    idle_line: str = ""
    idle_asks: int = 0
    idle_goodbye: str = "Goodbye."
    create_reply: bool = True
    interrupt: bool = True
    far_field: bool = False

    def __post_init__(self) -> None:
        require(0.15 < self.threshold < 1, "threshold must be in (0.15, 1)")
        require(
            0.15 < self.threshold_playing < 1, "threshold_playing must be in (0.15, 1)"
        )
        for name in (
            "silence_ms",
            "complete_ms",
            "unclear_ms",
            "incomplete_ms",
            "max_unclear_ms",
        ):
            value = getattr(self, name)
            require(100 <= value <= 10_000, f"{name} must be 100..10000")
        require(self.cap_ms >= self.complete_ms, "cap_ms must not be below complete_ms")
        require(0 <= self.patience_ms <= 2000, "patience_ms must be 0..2000")
        require(0.5 <= self.certainty <= 0.99, "certainty must be 0.5..0.99")
        require(0 <= self.prefix_ms <= 2000, "prefix_ms must be 0..2000")
        require(
            self.idle_ms == 0 or 1000 <= self.idle_ms <= 600_000,
            "idle_ms must be 0 or 1000..600000",
        )
        require(1 <= self.max_utterance_s <= 600, "max_utterance_s must be 1..600")
