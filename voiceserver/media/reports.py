"""How a call's audio fares: for receiver reports, for metrics, for the call's summary.

Reads counts that others keep; changes nothing.
"""

from __future__ import annotations

from voiceserver.audio import MIC_RATE
from voiceserver.events import MediaReport
from voiceserver.media.jitter import Counts
from voiceserver.media.receiver import AudioReceiver
from voiceserver.metrics import Metrics


class StreamReport:
    """What RTCP receiver reports say of a call's microphone (RFC 3550, 6.4.1).

    Args:
        receiver: That of the call.
    """

    def __init__(self, receiver: AudioReceiver) -> None:
        self._receiver = receiver
        self._expected = self._received = 0  # at the last report

    @property
    def packets_received(self) -> int:
        """Packets of the present stream that were of use."""
        counts = self._counts()
        return counts.received - counts.duplicates

    @property
    def packets_lost(self) -> int:
        """Packets of the present stream that never came."""
        return max(0, min((1 << 23) - 1, self._counts().lost))

    @property
    def fraction_lost(self) -> int:
        """Share lost since this was last asked, in 1/256."""
        received = self.packets_received
        expected = received + self.packets_lost
        due, came = expected - self._expected, received - self._received
        self._expected, self._received = expected, received
        return 0 if due <= 0 or came >= due else min(255, ((due - came) << 8) // due)

    @property
    def max_seq(self) -> int:
        """Highest sequence number, extended by its wrap-arounds."""
        buffer = self._receiver.buffer
        return 0 if buffer is None else buffer.highest & 0xFFFFFFFF

    @property
    def jitter(self) -> int:
        """Interarrival jitter, in ticks."""
        report = self._receiver.report()
        if report is None:
            return 0
        return min((1 << 32) - 1, round(report.jitter_ms * report.clock_rate / 1000))

    def _counts(self) -> Counts:
        buffer = self._receiver.buffer
        return Counts() if buffer is None else buffer.counts


def summary(
    receiver: AudioReceiver,
    rtt_s: float | None = None,
    sent: int = 0,
    left_out: int = 0,
    underruns: int = 0,
) -> MediaReport:
    """Sum up a call's audio.

    Args:
        receiver: Of the microphone.
        rtt_s: Time to the client and back, if it is known.
        sent: Packets of the reply.
        left_out: Packets of the reply that were not sent.
        underruns: Frames of silence in the midst of a reply.
    """
    rtt_ms = -1.0 if rtt_s is None else round(rtt_s * 1000, 1)
    report = receiver.report()
    if report is None:
        return MediaReport(
            rtt_ms=rtt_ms, sent=sent, left_out=left_out, underruns=underruns
        )
    counts = report.counts

    def ms(ticks: int) -> int:
        return ticks * 1000 // report.clock_rate

    return MediaReport(
        counts.received,
        counts.lost,
        counts.late,
        counts.duplicates,
        report.undecodable,
        report.n_samples * 1000 // MIC_RATE,
        ms(counts.recovered_ticks),
        ms(counts.concealed_ticks),
        ms(counts.paused_ticks),
        ms(counts.stretched_ticks),
        round(report.jitter_ms, 2),
        round(report.wait_ms, 1),
        round(report.held_ms, 3),
        round(report.drift_ppm, 1),
        rtt_ms,
        sent,
        left_out,
        underruns,
    )


class MediaMeter:
    """Adds one call's audio to the server's metrics, as it goes on.

    Args:
        metrics: Of the server.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told = MediaReport()
        # Found once: every call counts every second.
        self._packets = [
            (fate, metrics.microphone_packets.labels(fate).inc)
            for fate in ("received", "lost", "late", "duplicates", "undecodable")
        ]
        self._made_up = [
            (f"{how}_ms", metrics.microphone_made_up_seconds.labels(how).inc)
            for how in ("recovered", "concealed", "paused", "stretched")
        ]

    def update(self, now: MediaReport) -> None:
        """Count what has come since the last time."""
        metrics, before, self._told = self._metrics, self._told, now
        for name, count in self._packets:
            # "lost" shrinks by a packet that comes late after all.
            if (new := getattr(now, name) - getattr(before, name)) > 0:
                count(new)
        for name, count in self._made_up:
            if (new := getattr(now, name) - getattr(before, name)) > 0:
                count(new / 1000)
        metrics.underruns.inc(max(0, now.underruns - before.underruns))
        if now.received > before.received:
            metrics.jitter_seconds.observe(now.jitter_ms / 1000)
        if now.rtt_ms >= 0:
            metrics.rtt_seconds.observe(now.rtt_ms / 1000)
