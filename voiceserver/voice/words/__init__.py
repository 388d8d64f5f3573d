"""From words to phones: what is said, and with which tune. Knows no audio."""
