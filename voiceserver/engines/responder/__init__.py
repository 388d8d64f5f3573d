"""The built-in responder: answers in text by rules, with no model and no network."""

from voiceserver.engines.responder.first import ResponderFirst
from voiceserver.engines.responder.grammar import jsgf
from voiceserver.engines.responder.questions import Question, load
from voiceserver.engines.responder.responder import Rejoinder, Responder
from voiceserver.engines.responder.standard import STANDARD

__all__ = [
    "Responder",
    "ResponderFirst",
    "Rejoinder",
    "Question",
    "load",
    "STANDARD",
    "jsgf",
]
