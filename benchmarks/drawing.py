"""Matplotlib as all plots are drawn with it: no screen, and the same file for the same
figure, with its words as text.
"""

from __future__ import annotations

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "voiceserver"
matplotlib.rcParams["svg.fonttype"] = "none"
from matplotlib import pyplot as plt  # noqa: E402 - after the backend is chosen

__all__ = ["plt"]
