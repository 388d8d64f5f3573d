"""The networks that make sound of phones, and what they see. Knows no text."""
