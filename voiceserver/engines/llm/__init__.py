"""A text model in the house: files, template, beginnings that are kept, steps.

``jobs`` is what its process runs, a token a step; ``remote.text`` is the other end.
"""
