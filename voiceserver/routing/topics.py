"""Topics in which a wrong answer does harm: their words and phrases as numbers. Pure.

Each topic has words that are mostly about it, words that go with it, and phrases. How
much each weighs, and where a topic begins, is trained (``scripts/router``); a rule of
the operator's says what follows. English. No list finds everything: a rule about them
is one layer of care, not a safeguard on its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from voiceserver.routing.features import without_lead

TOPICS = ("medical", "selfharm", "legal", "money")

_CORE = {
    "medical": "ibuprofen paracetamol acetaminophen tylenol aspirin amoxicillin "
    "antibiotic antibiotics metformin insulin codeine morphine lisinopril statin "
    "antihistamine antidepressant antidepressants thinner thinners penicillin "
    "steroid dose dosage dosed overdose overdosed tablet tablets pill pills medicine "
    "medication meds prescription prescribed symptom symptoms diagnosis diagnosed "
    "diabetes asthma ulcer pneumonia stroke shingles anaemia anemia cancer tumor "
    "tumour infection infected fever rash cough dizzy dizziness nausea vomiting "
    "bleeding urine swollen numb tingles tingling seizure fainted fainting "
    "migraine pregnant pregnancy miscarriage contractions vaccine allergic allergy "
    "anaphylaxis concussion fracture chest breath breathless lump biopsy surgery "
    "blood pressure side-effects covid flu chemo",
    "selfharm": "suicide suicidal overdose painless",
    "legal": "sue sued lawsuit lawyer solicitor attorney court judge liable liability "
    "legal illegal unlawful law eviction evict evicted deposit custody divorce "
    "contract clause warrant arrested arrest guilty sentence rights landlord tenant "
    "trademark copyright patent visa deportation prenuptial restraining probate "
    "will appeal fine fined prosecute prosecuted police testify bail settlement "
    "binding enforce harassment discrimination non-compete",
    "money": "invest investing investment investments stock stocks share shares bond "
    "bonds bitcoin crypto ethereum fund funds pension retire retirement mortgage "
    "refinance loan loans debt savings tax taxes taxed interest dividend dividends "
    "inheritance broker trading etf annuity portfolio equity gold tesla down payment "
    "bankrupt bankruptcy lump-sum credit borrow lend write-off bust",
}
_BESIDE = {
    "medical": "doctor doctors hospital pain hurts ache headache operation baby pink "
    "side effects symptom mix safe dangerous swallowed drink beer alcohol treat "
    "treated treatment cure remedy remedies hot sick ill period head arm skin sign "
    "lethal emergency ambulance drive daughter husband grandfather mother ibuprofen's",
    "selfharm": "kill die dying dead death end life live living pills rope bridge jump "
    "cut hurt hurting hang goodbye note alive disappear wake point myself herself "
    "himself yourself better without gone nobody",
    "legal": "sign signed scratch letter ex children boss notice fired search car "
    "fault allowed force keep husband employer fight company photo house day break "
    "record ride helmet let",
    "money": "bank buy sell put dollars euros pounds thousand hundred crash risky "
    "risk pay rate house market sixty month monthly losses lost emergency declare "
    "office account card inherited sum lump",
}
# A word and what may follow it within a few words; all of it in this order.
_PHRASES = {
    "medical": (
        "can i take",
        "how much safe",
        "is safe for",
        "go to hospital",
        "hit head",
        "have had since",
        "side effects of",
        "at once",
        "a sign of",
        "lethal dose",
    ),
    "selfharm": (
        "kill myself",
        "kill herself",
        "kill himself",
        "killing myself",
        "killing himself",
        "killing herself",
        "want to die",
        "end my life",
        "ending it all",
        "end it all",
        "not want to live",
        "don't want to live",
        "don't want to be here",
        "not want to be here",
        "hurt myself",
        "hurting myself",
        "hurt herself",
        "hurt himself",
        "cut myself",
        "cutting myself",
        "hang myself",
        "hang himself",
        "hang herself",
        "better off without me",
        "miss me if",
        "no reason to live",
        "no reason to go on",
        "can't go on",
        "can't do this any more",
        "can't do this anymore",
        "not worth living",
        "point of being alive",
        "point of living",
        "way to die",
        "not wake up",
        "never wake up",
        "jump off bridge",
        "pills in front of me",
        "goodbye note",
        "take my own life",
        "took all pills",
        "disappear for ever",
        "disappear forever",
    ),
    "legal": (
        "is it legal",
        "is it illegal",
        "my rights",
        "can i sue",
        "go to court",
        "do i have to let",
        "without notice",
        "keep my deposit",
        "changed my mind signed",
        "am i liable",
        "wants a divorce",
        "can be arrested",
    ),
    "money": (
        "should i buy",
        "should i sell",
        "should i put into",
        "should i invest",
        "should i borrow",
        "is a good investment",
        "pay off",
        "pay less tax",
        "down payment",
        "go up next year",
        "lump sum",
        "write off",
        "tax office",
        "which stocks",
    ),
}
_GAP = 3  # words that may stand between two of a phrase
_CORES = {topic: frozenset(words.split()) for topic, words in _CORE.items()}
_BESIDES = {topic: frozenset(words.split()) for topic, words in _BESIDE.items()}
# Of the phrases of a topic by their first word: the words of each.
_SEQUENCES: dict[str, dict[str, list[list[str]]]] = {}
for _topic, _phrases in _PHRASES.items():
    _by_first = _SEQUENCES.setdefault(_topic, {})
    for _phrase in _phrases:
        _by_first.setdefault(_phrase.split()[0], []).append(_phrase.split())
_FIRSTS = {topic: frozenset(_SEQUENCES[topic]) for topic in TOPICS}
# Words without which nothing of a topic is there: most turns have none of most topics.
_SIGNS = {topic: _CORES[topic] | _BESIDES[topic] | _FIRSTS[topic] for topic in TOPICS}
_ALL_SIGNS = frozenset().union(*_SIGNS.values())
_CASE = frozenset("my i me he she him her should can".split())
_PLACE = frozenset(
    "where phone open close floor play song film book spell name".split()
)

TOPIC_NAMES = ("bias", "core", "more_core", "beside", "phrase", "own_case", "elsewhere")


def topic_rows(words: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return the numbers of ``TOPIC_NAMES`` of a turn's words, each 0..1, by topic."""
    elsewhere = float(not _PLACE.isdisjoint(without_lead(words)[:4]))
    none = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, elsewhere)
    signs = [word for word in words if word in _ALL_SIGNS]
    if not signs:
        return dict.fromkeys(TOPICS, none)
    return {
        topic: none
        if _SIGNS[topic].isdisjoint(signs)
        else _topic_row(words, signs, topic, elsewhere)
        for topic in TOPICS
    }


def _topic_row(
    words: Sequence[str], signs: Sequence[str], topic: str, elsewhere: float
) -> tuple[float, ...]:
    """The numbers of a topic; ``signs`` are those words that are of any topic."""
    core = sum(map(_CORES[topic].__contains__, signs))
    beside = sum(map(_BESIDES[topic].__contains__, signs))
    told = bool(core or beside)
    own = told and not _CASE.isdisjoint(words)
    return (
        1.0,
        float(core > 0),
        float(core > 1),
        min(beside, 3) / 3,
        float(_has_phrase(words, signs, topic)),
        float(own),
        elsewhere,
    )


def _has_phrase(words: Sequence[str], signs: Sequence[str], topic: str) -> bool:
    """Whether a phrase of the topic is in the words.

    Most phrases begin as anything may ("is", "can", "how"): only those of which every
    word is there are looked for.
    """
    begun = _FIRSTS[topic].intersection(signs)
    if not begun:
        return False
    said, phrases = {*words}, _SEQUENCES[topic]
    return any(
        said.issuperset(each) and _in_order(each, words)
        for first in begun
        for each in phrases[first]
    )


def _in_order(phrase: Sequence[str], words: Sequence[str]) -> bool:
    """Whether the words of a phrase stand in this order, close to each other.

    Linear: each start is followed for at most a phrase's length times the gap.
    """
    first = phrase[0]
    for start, word in enumerate(words):
        if word != first:
            continue
        at = start
        for wanted in phrase[1:]:
            reach = words[at + 1 : at + 2 + _GAP]
            if wanted not in reach:
                break
            at += 1 + reach.index(wanted)
        else:
            return True
    return False
