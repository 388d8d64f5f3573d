"""The embedded recogniser's core: pocketsphinx, dictation and grammar side by side.

Runs inside a recogniser process, which calls ``decoder.load`` by name. Nothing here
is imported by a media process: pocketsphinx holds the GIL for up to 100 ms at a time.

Read in this order: ``acceptance`` (when is the grammar believed), ``decoder``,
``search``, ``grammar``, ``pronunciation``.
"""
