"""Whether an answer is believed before it is spoken."""
