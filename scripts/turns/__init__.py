"""Training and judging the score of a turn's end."""
