"""What every check of a setting says in one way; the reader adds where it stands."""

from __future__ import annotations


def require(condition: bool, message: str) -> None:
    """Refuse a value.

    Args:
        condition: Whether it may stay.
        message: Names the setting and what it may be.

    Raises:
        ValueError: If it may not.
    """
    if not condition:
        raise ValueError(message)
