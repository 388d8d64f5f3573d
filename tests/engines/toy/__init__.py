"""A toy recogniser and a toy voice: all that an engine of its own takes."""
