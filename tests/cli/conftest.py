"""Fixtures of the commands' tests."""

from tests.cli.fake import opened

__all__ = ["opened"]
