"""The own neural voice: text in, 24 kHz speech out, on one processor core.

Stands alone: torch, numpy, safetensors and soundfile are all it knows. It knows
nothing of calls, sockets, configuration or the rest of the server.
"""
