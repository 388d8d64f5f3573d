"""A domain: what callers may ask for, written in one file; needs no model."""

from voiceserver.engines.domain.file import load
from voiceserver.engines.domain.model import DomainFirst
from voiceserver.engines.domain.phrases import phrases
from voiceserver.engines.domain.terms import Domain, Intent, Slot

__all__ = ["Domain", "DomainFirst", "Intent", "Slot", "load", "phrases"]
