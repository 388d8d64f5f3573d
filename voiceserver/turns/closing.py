"""Where words close a sentence, and where one that mostly goes on does. English; pure.

"It is for" goes on, and "what is it for" is over: a question that begins with what is
asked for leaves the word alone that would stand before it. Short answers ("yes I am"),
particles ("turn the light on") and words that stand for others ("can you do that") end
in such words as well. Each row below is one way in which that is so; what no row knows
is taken to go on.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WHO = r"(?:i|you|he|she|it|we|they)"
_THAT = r"(?:this|that|these|those)"
_THE = r"(?:the|a|an|my|your|his|her|our|their|this|that|these|those)"
_BE = r"(?:is|are|was|were|am)"
_DO = rf"(?:{_BE}|do|does|did|has|have|had|can|could|will|would|should|shall|must)"
_ASKED = r"(?:what|who|whom|where|which|how|why|when)"
# What is asked about, and whether that is so: "what is", "which one do", "where's".
_WHAT = r"(?:what|who|whom|which)"
_NO_WHEN = r"(?! (?:time|day|date|year)\b)"  # "what time is it in" asks for a place


def _question(asked: str, most: int, none: str = _NO_WHEN) -> str:
    """A question turned round, up to its verb; of ``most`` words behind the first."""
    noun = rf"(?: (?!{_WHO}\b)[\w'-]+){{0,{most}}}?"
    return rf"\b{asked}(?:{none}{noun} {_DO}|'s|'re)"


_OBJECT = _question(_WHAT, 3)
_PLAIN = _question(rf"(?:{_WHAT}|where)", 0)
_THEY = rf"(?:{_WHO}|{_THAT}|there|{_THE} (?:[\w'-]+ )?[\w'-]+)"  # who does it
_STRANDS = (
    r"(?:\w+ing|come|came|talk|speak|look|wait|think|live|work|care|ask|pay|stand"
    r"|made|born|called|interested|based|hear|heard|sent|belong)"
)
_SHORT = r"(?:yes|yeah|yep|no|nope|sure|well|okay|ok|of course|certainly|maybe)"

_ROWS = (
    # Questions that begin with what they ask for.
    rf"{_OBJECT}(?: (?!(?:some|any)?things?\b|people\b|places\b)[\w'-]+)+ like",
    rf"\bhow(?: {_BE}|'s)(?: [\w'-]+)+ like",
    rf"{_PLAIN}(?: [\w'-]+){{0,4}} (?:{_WHO}|{_THAT}) (?:for|from|about|with|at|on|by)",
    rf"{_OBJECT} (?:{_WHO}|{_THAT}) (?:for|from|about|with|at|on|by)",
    rf"\b(?:what|which){_NO_WHEN} (?!{_DO}\b)[\w'-]+ {_DO} {_WHO} in",
    rf"{_question(rf'(?:{_WHAT}|where)', 3)} {_THEY}(?: [\w'-]+)*? {_STRANDS}"
    r" (?:for|from|about|with|at|on|in|of)",
    rf"{_OBJECT} {_THEY}(?: [\w'-]+)*? (?:talk|speak|listen|writ|belong)(?:ing)? to",
    rf"{_PLAIN} {_THE} [\w'-]+ about",
    rf"{_OBJECT} {_THEY} (?:do|have|be)",
    rf"\bhow (?:much|many)(?: [\w'-]+)? (?:do|does|did) {_THEY} have",
    rf"\b{_ASKED} (?:do|does|did|can|could|should) {_THEY} do",
    rf"\b(?:where|how) (?:has|have|had) {_THEY} been",
    rf"\b{_ASKED}(?: (?!{_WHO}\b)[\w'-]+){{0,3}} {_BE} {_THAT}",
    rf"\b{_ASKED}(?:'s|'re) {_THAT}",
    rf"\b(?:what|how) about {_THAT}",
    r"\b(?:what for|where from|where to|who from|who with|why not|why so|since when)",
    # The same within another sentence: "tell me what it is", "where you are".
    rf"\b(?:what|who|where|which|how(?: \w+)?) {_WHO} (?:{_BE}|did|do|does|have|had)",
    # Short answers.
    rf"^(?:{_SHORT} )+{_WHO} {_DO}(?: not)?",
    r"\b(?:of course|certainly|absolutely|definitely|probably|maybe|perhaps|hopefully"
    r"|guess|hope|suppose|or) not",
    r"\b(?:think|hope|guess|suppose|believe|said|that|or) so",
    r"^(?:not )?really|\bnot really",
    rf"\b(?:here|there) {_WHO} {_BE}",
    rf"(?:\b(?:all|everything|anything|than|as)|\w if) {_WHO} {_DO}",
    r"\b(?:please|that will|that'll|that would|to) do",
    # Words that stand for others.
    rf"\b(?:do|did|repeat|explain|spell|change|cancel|stop|remove|delete|hear|take|want"
    rf"|like|love|try|fix|need|get|got|after|before|for|by|with) {_THAT}",
    r"\b(?:with|for|to|from|about|of|tell|ask|call|know|love|see|met|saw|help) her",
    r"\b\w+ed her",
    r"\b(?:some|no|any)(?:thing|one|body|where) to \w+"
    r" (?:for|from|about|with|at|on|in|to|by)",
    r"\b(?:once|me|no|any|nothing|some|little|bit|say|one|two|few|lot|much) more",
    # Particles.
    r"\b(?:come|go|going|hold|hang|move|carry|log|now|later|so) on",
    r"\b(?:turn|switch|leave|keep)(?:ed|ing)?(?: [\w'-]+){1,4} on",
    r"\b(?:come|check|checked|log|sign|step|let me|count me) in",
    r"\b(?:stop|drop|come|stand|go) by",
    r"\b(?:many|several|few|all|other) times",
    r"\b(?:the|this|that|some|good|your|no) point",
)
_CLOSES = re.compile("|".join(f"(?:{row}$)" for row in _ROWS))
# Questions that are whole as soon as nothing dangles. Requests are not: "can I get a
# coffee" goes on with how, as often as not.
_FIRST = r"(?:^|\b(?:and|but|so|or|then|well|now|just|okay|ok|hey|hi|hello|yes|oh) )"
_ASKS = re.compile(
    rf"{_FIRST}(?:{_question(_ASKED, 3, none='')}"
    rf"|(?:{_BE}|do|does|did|has|have|had)(?:n't)? {_THEY}\b(?= ))"
)
READ = 16  # words at the end of an utterance that tell


@lru_cache(maxsize=1024)  # asked again with every frame of a pause
def closes(end: str) -> bool:
    """Whether the last word, which mostly goes on, closes a sentence here.

    Args:
        end: The last ``READ`` words, lower case, without punctuation.
    """
    return _CLOSES.search(end) is not None


@lru_cache(maxsize=1024)
def asks(end: str) -> bool:
    """Whether it is a question turned round, as ``closes`` takes it."""
    return _ASKS.search(end) is not None
