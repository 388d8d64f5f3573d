"""Whisper in short contexts: a recogniser of open speech for a CPU core or a GPU.

Runs inside a recogniser process, which calls ``jobs.load`` by name. Nothing here is
imported by a process that holds calls.

Read in this order: ``pace`` (when is an utterance decoded), ``beliefs`` (what of it is
believed), ``features``, ``device``, ``model``, ``jobs``.
"""
