"""What others have published of the same tasks, with its source; for plots.

Other recordings, other machines: a figure beside ours says where the field is, not who
is better.
"""

from __future__ import annotations

# Word errors in per cent, LibriSpeech test-clean, greedy, by OpenAI's own code:
# Radford et al. 2022, arXiv 2212.04356, appendix D.1.
WHISPER_CLEAN = {"whisper-base": 5.0, "whisper-tiny.en": 5.6}

# Mean dead air after a turn in s where 5 and 10 % of the holds are cut, English:
# livekit/eot-bench, README and English report, on its own recordings.
END_OF_TURN = {
    "silence alone": (1.6, 1.0),
    "smart-turn v3.2": (1.051, 0.739),
    "LiveKit v1": (0.543, 0.295),
    "Deepgram Flux": (1.151, 0.548),
    "AssemblyAI": (1.049, 0.713),
    "Soniox": (0.647, 0.512),
}

# Orders with every slot right in per cent, the mean over noise at 6 to 24 dB:
# Picovoice/speech-to-intent-benchmark, README; 619 recordings, ours among them.
ORDERS = {
    "Dialogflow": 77.6,
    "Lex": 84.5,
    "Watson": 86.8,
    "LUIS": 89.9,
    "Rhino": 97.6,
}
