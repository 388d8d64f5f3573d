"""What is told of a call's audio."""

from __future__ import annotations

import asyncio

from prometheus_client import generate_latest

from tests.media.test_codecs import encoded
from tests.media.test_receiver import Microphone
from tests.virtual_time import run_virtual
from voiceserver.media.reports import MediaMeter, StreamReport, summary
from voiceserver.metrics import Metrics


def received(lost: tuple[int, ...]) -> Microphone:
    async def run() -> Microphone:
        microphone = Microphone()
        await microphone.play(encoded(50), lost)
        microphone.receiver.stop()
        return microphone

    return run_virtual(run())


def test_before_any_audio_there_is_nothing_to_tell() -> None:
    """A client may only listen."""

    async def run() -> None:
        receiver = Microphone().receiver
        assert summary(receiver).received == 0
        report = StreamReport(receiver)
        assert (report.packets_lost, report.fraction_lost, report.jitter) == (0, 0, 0)
        await asyncio.sleep(0)

    run_virtual(run())


def test_a_receiver_report_tells_the_share_lost_since_the_last() -> None:
    """Two of fifty are 10/256; then none."""
    report = StreamReport(received((30, 40)).receiver)
    assert (report.packets_received, report.packets_lost) == (48, 2)
    assert report.fraction_lost == 2 * 256 // 50
    assert report.fraction_lost == 0
    assert report.max_seq == 49


def test_the_summary_counts_in_milliseconds() -> None:
    """One recovered, two made up."""
    told = summary(received((20, 30, 31)).receiver, rtt_s=0.0421, sent=50, underruns=2)
    assert (told.received, told.lost, told.late) == (47, 3, 0)
    assert (told.recovered_ms, told.concealed_ms) == (40, 20)
    assert (told.rtt_ms, told.sent, told.underruns) == (42.1, 50, 2)


def test_metrics_grow_by_what_is_new() -> None:
    """However often they are told the same."""
    metrics = Metrics()
    meter = MediaMeter(metrics)
    told = summary(received((30,)).receiver, rtt_s=0.02, underruns=3)
    meter.update(told)
    meter.update(told)
    text = generate_latest(metrics.registry).decode()
    assert 'voiceserver_microphone_packets_total{fate="received"} 49.0' in text
    assert 'voiceserver_microphone_packets_total{fate="lost"} 1.0' in text
    assert 'voiceserver_microphone_made_up_seconds_total{how="recovered"} 0.02' in text
    assert "voiceserver_playout_underruns_total 3.0" in text
