"""Sentences for a teacher to read: ``python -m scripts.voice.prompts OUT``.

Written by rule; what an assistant says and is asked: questions, lists, numbers, names,
dialogue, exclamations, sentences of one word and of forty. The same number gives the
same sentence, so a longer list only adds. Knows nothing of phones or teachers.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_NAMES = """
Anna Ben Carla David Ella Farid Grace Hugo Irene Jonas Karen Leo Maria Noah Olivia
Peter Quentin Ruth Samir Tessa Umar Victor Wendy Xavier Yuki Zoe Priya Omar Chloe
Marcus Elena Thomas Patricia Ahmed Ingrid Charles Fiona George Naomi Stephen Louise
Ravi Beatrice Diego Harriet Kofi Lucy Matthew Nadia Julian
""".split()
_SURNAMES = """
Adams Brown Carter Dawson Evans Fischer Garcia Hughes Ito Johnson Kowalski Lopez
Mitchell Nguyen O'Brien Patel Quinn Roberts Schmidt Taylor Underwood Vance Walker
Young Zhang Armstrong Bishop Cooper Fletcher Harrison
""".split()
_CITIES = """
London Paris Boston Chicago Denver Austin Seattle Berlin Madrid Rome Vienna Dublin
Oslo Tokyo Sydney Toronto Cairo Nairobi Mumbai Lisbon Prague Geneva Portland Houston
Glasgow Oxford Singapore Brussels Athens Helsinki
""".split()
_THINGS = """
ticket | report | parcel | invoice | table | window | garden | camera | bicycle |
kitchen | umbrella | photograph | letter | message | battery | keyboard | jacket |
bottle | printer | package | ladder | mirror | suitcase | guitar | blanket | engine
| calendar | telephone | newspaper | basket | bridge | candle | curtain | document |
envelope | fridge | glass | hammer | island | journal | key | lamp | map | notebook
| office | pencil | question | recipe | station | train | uniform | vegetable |
watch | yoghurt | zebra | breakfast | cushion | thermometer | judge | measure |
treasure | voyage | thought | shelf | church | choice | bath | ghost
"""
_FOODS = """
coffee | tea | bread | butter | cheese | apples | oranges | rice | pasta | soup |
salad | chicken | fish | eggs | milk | sugar | honey | tomatoes | onions | garlic |
pepper | chocolate | yoghurt | juice | water | sandwiches | mushrooms | carrots |
beans | strawberries | pancakes | noodles | potatoes | spinach
"""
_ADJECTIVES = """
small | large | red | blue | green | old | new | quiet | heavy | broken | bright |
cheap | early | friendly | gentle | hidden | important | joyful | kind | long |
modern | narrow | open | perfect | quick | rough | smooth | tall | unusual | velvet
| warm | yellow | brave | clever | dusty | empty | famous | golden | honest |
strange | precious | thick | fresh | sharp | vague | wooden | ancient | private |
special
"""
_VERBS = """
find | open | carry | bring | choose | clean | describe | finish | forget | guard |
hold | ignore | join | keep | leave | measure | notice | offer | paint | question |
remember | send | touch | understand | visit | watch | buy | change | deliver |
enjoy | fix | give up | hear about | lend | move | order | print | repair | show |
throw | use | wrap | borrow | catch | push | judge | check | return
"""
_PAST = """
found | opened | carried | brought | chose | cleaned | described | finished | forgot
| guarded | held | ignored | joined | kept | left | measured | noticed | offered |
painted | questioned | remembered | sent | touched | understood | visited | watched
| bought | changed | delivered | enjoyed | fixed | heard about | lent | moved |
ordered | printed | repaired | showed | threw | used | wrapped | borrowed | caught |
pushed
"""
_PLACES = """
in the kitchen | at the station | behind the old church | near the river | on the
third floor | across the street | under the bridge | beside the window | at the
airport | in the garden | outside the theatre | by the lake | at the end of the
corridor | in the north of the country | above the garage | between the two houses |
around the corner | at work | at home | upstairs
"""
_TIMES = """
today | tomorrow | yesterday | this morning | this evening | on Monday | on Thursday
| next week | last night | at noon | before lunch | after the meeting | in the
spring | in half an hour | right now | at seven o'clock | every Friday | on the
weekend | in January | later this year | in a moment
"""
_REASONS = """
it was raining | nobody had asked | the train was late | we ran out of time | the
shop was closed | she knew the answer | they could not agree | the price had changed
| he had lost his key | I thought you would like it | the weather was better than
expected | there was no other choice | the children were asleep | the road was too
narrow | everybody wanted to help | that is the rule
"""
_ONE = """
Yes | No | Sure | Thanks | Okay | Maybe | Never | Always | Hello | Goodbye | Right |
Sorry | Exactly | Perfect | Done | Great | Wait | Stop | Wonderful | Absolutely |
Certainly | Welcome | Really | Indeed | Understood | Congratulations | Please |
Cheers | Nonsense | Careful | Ready | Tomorrow | Seventeen | Monday | Nothing |
Everything | Alright
"""
_OPENERS = """
Sure | Of course | Well | Okay | No problem | Actually | To be honest | By the way |
Unfortunately | Luckily | As you can see | In that case | First of all | After all |
On the other hand | However | For example | Good news | All right | Let me see | I'm
afraid so | Good morning | Thank you
"""
_CLAIMS = """
that would be a good idea | I can help you with that | your order is on its way |
the meeting has been moved | there are three seats left | we are closed on public
holidays | it takes about twenty minutes | you can pay at the counter | I have found
two results | nothing has changed | the music is far too loud | this is the best
view in town | he never listens | the answer is no | we should leave before it gets
dark | both of them were wrong | the judge measured each word | five thick thistles
grew there | she sells fresh fish | the azure beige garage was huge | that thing is
worth nothing | I would rather walk | you could have told me | they're both here |
the youth choir sang loudly | each child should choose a toy | a loose tooth hurts
"""
_FEELINGS = """
happy | tired | worried | surprised | proud | hungry | curious | sorry | grateful |
angry | bored | excited | lonely | calm | nervous | pleased | thirsty | confused |
delighted | afraid
"""
_SUBJECTS = """
I | you | we | they | my sister | the doctor | our neighbour | the old man | the
children | nobody | everyone | the manager | a stranger | the teacher | her brother
| the whole team | his daughter
"""


def _split(table: str) -> list[str]:
    return [" ".join(entry.split()) for entry in table.split("|")]


class _Words:
    """Random words of each kind, drawn from one generator."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def of(self, table: str | Sequence[str]) -> str:
        """One entry of a table."""
        entries = _split(table) if isinstance(table, str) else table
        return self._rng.choice(entries)

    def some(self, table: str, least: int, most: int) -> list[str]:
        """Several different entries."""
        return self._rng.sample(_split(table), self._rng.randint(least, most))

    def number(self) -> str:
        """A number as it is written in a sentence."""
        kind = self._rng.randrange(9)
        n = self._rng.randrange
        return (
            str(n(2, 20)),
            str(n(20, 1000)),
            f"{n(1, 90)},{n(1000):03}",
            f"${n(1, 200)}.{n(100):02}",
            f"{n(1, 12)}:{n(60):02}",
            f"{n(2, 99)}%",
            f"{n(1, 40)}.{n(10)}",
            f"{n(1900, 2030)}",
            f"{n(2, 40)} degrees",
        )[kind]

    def name(self) -> str:
        """A first name, or a whole one."""
        first = self.of(_NAMES)
        return f"{first} {self.of(_SURNAMES)}" if self._rng.random() < 0.4 else first

    def thing(self) -> str:
        """A noun with its article and often an adjective."""
        article = self._rng.choice(("the", "the", "your", "my", "this", "that", "our"))
        about = self.of(_ADJECTIVES) + " " if self._rng.random() < 0.6 else ""
        return f"{article} {about}{self.of(_THINGS)}"

    def joined(self, table: str) -> str:
        """A list of three to six."""
        *rest, last = self.some(table, 3, 6)
        return f"{', '.join(rest)}{self._rng.choice((' and', ', and', ' or'))} {last}"


_Template = Callable[[_Words], str]

_TEMPLATES: tuple[_Template, ...] = (
    lambda w: f"Did {w.of(_SUBJECTS)} {w.of(_VERBS)} {w.thing()} {w.of(_TIMES)}?",
    lambda w: f"Can you {w.of(_VERBS)} {w.thing()} for me?",
    lambda w: f"Would you like to {w.of(_VERBS)} {w.thing()}, or shall I do it?",
    lambda w: f"Is {w.thing()} {w.of(_PLACES)}?",
    lambda w: f"Are you {w.of(_FEELINGS)}?",
    lambda w: f"You {w.of(_PAST)} {w.thing()}, didn't you?",
    lambda w: f"Where did {w.name()} put {w.thing()}?",
    lambda w: f"What time does the train to {w.of(_CITIES)} leave?",
    lambda w: f"Why did {w.of(_SUBJECTS)} {w.of(_VERBS)} {w.thing()}?",
    lambda w: f"Who {w.of(_PAST)} {w.thing()} {w.of(_PLACES)}?",
    lambda w: f"How many {w.of(_FOODS)} do we need for {w.number()} people?",
    lambda w: f"Do you want {w.joined(_FOODS)}?",
    lambda w: f"Which one is {w.of(_ADJECTIVES)}, {w.thing()} or {w.thing()}?",
    lambda w: f"I need {w.joined(_FOODS)} {w.of(_TIMES)}.",
    lambda w: f"We {w.of(_PAST)} {w.joined(_FOODS)}; the rest is {w.of(_PLACES)}.",
    lambda w: f"It comes in {w.joined(_ADJECTIVES)}.",
    lambda w: f"{w.name()}, {w.name()} and {w.name()} are waiting {w.of(_PLACES)}.",
    lambda w: f"The flight from {w.of(_CITIES)} to {w.of(_CITIES)} costs {w.number()}.",
    lambda w: f"There were {w.number()} of them, not {w.number()}.",
    lambda w: f"Call {w.number()} {w.number()} and ask for {w.name()}.",
    lambda w: f"The code is {w.number()}, {w.number()}, {w.number()}.",
    lambda w: (
        f"Mr. {w.of(_SURNAMES)} and Dr. {w.of(_SURNAMES)} live in {w.of(_CITIES)}."
    ),
    lambda w: f'"{w.of(_OPENERS)}, {w.of(_CLAIMS)}," said {w.name()}.',
    lambda w: f'{w.name()} asked, "Where is {w.thing()}?"',
    lambda w: f"{w.of(_OPENERS)}! {w.of(_CLAIMS)}.",
    lambda w: f"{w.of(_OPENERS)}, {w.of(_CLAIMS)}.",
    lambda w: f"What a {w.of(_ADJECTIVES)} {w.of(_THINGS)}!",
    lambda w: f"Don't {w.of(_VERBS)} {w.thing()}!",
    lambda w: f"{w.of(_ONE)}.",
    lambda w: f"{w.of(_ONE)}!",
    lambda w: f"{w.of(_ONE)}?",
    lambda w: f"{w.of(_ONE)}, {w.name()}.",
    lambda w: f"{w.name()}?",
    lambda w: f"{w.thing()} {w.of(_PLACES)}.",
    lambda w: f"{w.of(_SUBJECTS)} {w.of(_PAST)} {w.thing()} {w.of(_PLACES)}.",
    lambda w: (
        f"{w.of(_SUBJECTS)} {w.of(_PAST)} {w.thing()} because {w.of(_REASONS)}, "
        f"and {w.name()} was {w.of(_FEELINGS)} about it."
    ),
    lambda w: (
        f"If you {w.of(_VERBS)} {w.thing()} {w.of(_TIMES)}, {w.of(_CLAIMS)}, but "
        f"{w.of(_CLAIMS)}."
    ),
    lambda w: (
        f"Although {w.of(_REASONS)}, {w.of(_SUBJECTS)} {w.of(_PAST)} {w.thing()}."
    ),
    lambda w: (
        f"When {w.of(_REASONS)}, {w.name()} {w.of(_PAST)} {w.thing()} and "
        f"{w.of(_PAST)} {w.thing()} {w.of(_PLACES)}, so that {w.of(_CLAIMS)}."
    ),
    lambda w: (
        f"{w.of(_OPENERS)}: {w.of(_CLAIMS)}, {w.of(_CLAIMS)}, and {w.of(_CLAIMS)}."
    ),
    lambda w: f"I am {w.of(_FEELINGS)} - {w.of(_REASONS)}.",
    lambda w: f"Your appointment is {w.of(_TIMES)} at {w.number()}. {w.of(_OPENERS)}.",
    lambda w: (
        f"Please {w.of(_VERBS)} {w.thing()} before you {w.of(_VERBS)} {w.thing()}."
    ),
    lambda w: f"{w.number()} plus {w.number()} is {w.number()}.",
    lambda w: f"Let's {w.of(_VERBS)} {w.thing()}. Shall we?",
)


def prompt(number: int, words: Sequence[str] = ()) -> str:
    """One sentence, or two.

    Args:
        number: Which; the same gives the same.
        words: Of a lexicon. With them every fourth prompt is a list of four, for
            sequences of sounds that no template holds.
    """
    rng = random.Random(number)
    if words and number % 4 == 0:
        *rest, last = rng.sample(words, 4)
        return f"{', '.join(rest)} and {last}.".capitalize()
    text = rng.choice(_TEMPLATES)(_Words(rng))
    # Sentences begin with a capital, whatever their first word was drawn from.
    return re.sub(
        r"(^\W*|[.!?]\"? )([a-z])", lambda m: m.group(1) + m.group(2).upper(), text
    )


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="a text file, one prompt a line")
    parser.add_argument("--count", type=int, default=4000)
    a = parser.parse_args(argv)
    lines = dict.fromkeys(prompt(i) for i in range(a.count))
    a.out.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
