# ruff: noqa: RUF001 (look-alikes are what is tested)
"""The text normaliser against a table of what should be said.

Letters that are spelled are written as capitals, everything else as it is spoken.
"""

from __future__ import annotations

import itertools
import random
import string
import time

import pytest

from voiceserver.voice.normalise import MARKS, Normalised, normalise

TABLE: dict[str, list[tuple[str, str]]] = {
    "cardinals": [
        ("0", "zero"),
        ("7", "seven"),
        ("13", "thirteen"),
        ("21", "twenty one"),
        ("100", "one hundred"),
        ("101", "one hundred one"),
        ("999", "nine hundred ninety nine"),
        ("1000", "one thousand"),
        ("1,000", "one thousand"),
        ("1,234", "one thousand two hundred thirty four"),
        ("12,345", "twelve thousand three hundred forty five"),
        ("1,000,000", "one million"),
        ("2500000", "two million five hundred thousand"),
        ("3,000,000,000", "three billion"),
        ("I have 3 cats and 12 dogs.", "i have three cats and twelve dogs ."),
        ("007", "zero zero seven"),
        ("-5", "minus five"),
        ("It was -40 outside.", "it was minus forty outside ."),
        ("+7", "plus seven"),
        ("1234567890123456789012", "one two three four five six seven eight nine zero "
         "one two three four five six seven eight nine zero one two"),
    ],
    "decimals": [
        ("3.14", "three point one four"),
        ("0.5", "zero point five"),
        (".5", "five"),
        ("2.0", "two point zero"),
        ("1,234.5", "one thousand two hundred thirty four point five"),
        ("-0.25", "minus zero point two five"),
        ("98.6 degrees", "ninety eight point six degrees"),
    ],
    "ordinals": [
        ("1st", "first"),
        ("2nd", "second"),
        ("3rd", "third"),
        ("4th", "fourth"),
        ("5th", "fifth"),
        ("8th", "eighth"),
        ("9th", "ninth"),
        ("12th", "twelfth"),
        ("20th", "twentieth"),
        ("21st", "twenty first"),
        ("42nd", "forty second"),
        ("100th", "one hundredth"),
        ("1,000th", "one thousandth"),
        ("the 19th century", "the nineteenth century"),
    ],
    "years": [
        ("1999", "nineteen ninety nine"),
        ("2000", "two thousand"),
        ("2001", "two thousand one"),
        ("2009", "two thousand nine"),
        ("2010", "twenty ten"),
        ("2024", "twenty twenty four"),
        ("1900", "nineteen hundred"),
        ("1905", "nineteen oh five"),
        ("1066", "one thousand sixty six"),
        ("1776", "seventeen seventy six"),
        ("In 1984 it rained.", "in nineteen eighty four it rained ."),
        ("the 1980s", "the nineteen eighties"),
        ("the 1920's", "the nineteen twenties"),
        ("the '90s", "the nineties"),
        ("the 60s", "the sixties"),
        ("the 1900s", "the nineteen hundreds"),
        ("the summer of '69", "the summer of sixty nine"),
        ("1939-45", "nineteen thirty nine to forty five"),
        ("1914-1918", "nineteen fourteen to nineteen eighteen"),
        ("1999–2003", "nineteen ninety nine to two thousand three"),
    ],
    "money": [
        ("$1", "one dollar"),
        ("$5", "five dollars"),
        ("$5.00", "five dollars"),
        ("$5.20", "five dollars and twenty cents"),
        ("$0.50", "fifty cents"),
        ("$0.01", "one cent"),
        ("$1.01", "one dollar and one cent"),
        ("$1,234.56",
         "one thousand two hundred thirty four dollars and fifty six cents"),
        ("$3.5 million", "three point five million dollars"),
        ("$5M", "five million dollars"),
        ("$100k", "one hundred thousand dollars"),
        ("$2 billion", "two billion dollars"),
        ("$1.5bn", "one point five billion dollars"),
        ("£10", "ten pounds"),
        ("£1.99", "one pound and ninety nine pence"),
        ("€20", "twenty euros"),
        ("€1", "one euro"),
        ("€0.99", "ninety nine cents"),
        ("¥500", "five hundred yen"),
        ("-$20", "minus twenty dollars"),
        ("$9.999", "nine point nine nine nine dollars"),
        ("It costs $19.99.", "it costs nineteen dollars and ninety nine cents ."),
    ],
    "dates": [
        ("2024-03-05", "march fifth , twenty twenty four"),
        ("3/5/2024", "march fifth , twenty twenty four"),
        ("12/25/99", "december twenty fifth , nineteen ninety nine"),
        ("25/12/2020", "december twenty fifth , twenty twenty"),
        ("January 5", "january fifth"),
        ("January 5, 2021", "january fifth , twenty twenty one"),
        ("January 5th, 2021", "january fifth , twenty twenty one"),
        ("Jan. 5", "january fifth"),
        ("Sept. 11, 2001", "september eleventh , two thousand one"),
        ("5 May 1999", "the fifth of may nineteen ninety nine"),
        ("the 4th of July", "the fourth of july"),
        ("4 July", "the fourth of july"),
        ("December 2019", "december twenty nineteen"),
        ("on Mon., Jan. 3", "on monday , january third"),
        ("May 3 is fine.", "may third is fine ."),
        ("You may 3 times.", "you may three times ."),
    ],
    "times": [
        ("3:05", "three oh five"),
        ("3:00", "three o'clock"),
        ("3:00 p.m.", "three P M ."),
        ("10:30 a.m. sharp", "ten thirty A M sharp"),
        ("9am", "nine A M"),
        ("9 AM", "nine A M"),
        ("12:45 PM", "twelve forty five P M"),
        ("15:00", "fifteen hundred"),
        ("18:45", "eighteen forty five"),
        ("0:00", "midnight"),
        ("00:15", "zero fifteen"),
        ("7:15:30", "seven fifteen and thirty seconds"),
        ("We met at 8 p.m. Then we ate.", "we met at eight P M . then we ate ."),
        ("at 5:30, not 6", "at five thirty , not six"),
    ],
    "units": [
        ("5km", "five kilometers"),
        ("1 km", "one kilometer"),
        ("60 mph", "sixty miles per hour"),
        ("100 km/h", "one hundred kilometers per hour"),
        ("3 GB", "three gigabytes"),
        ("1 GB", "one gigabyte"),
        ("16kHz", "sixteen kilohertz"),
        ("200ms", "two hundred milliseconds"),
        ("72°F", "seventy two degrees fahrenheit"),
        ("-3°C", "minus three degrees celsius"),
        ("90°", "ninety degrees"),
        ("20%", "twenty percent"),
        ("0.5%", "zero point five percent"),
        ("5-10%", "five to ten percent"),
        ("10 lbs", "ten pounds"),
        ("6 ft", "six feet"),
        ("1 ft", "one foot"),
        ("250 mg", "two hundred fifty milligrams"),
        ("5 in the morning", "five in the morning"),
        ("10x faster", "ten times faster"),
        ("a 100-mg dose", "a one hundred milligrams dose"),
        ("9.8 m/s", "nine point eight meters per second"),
        ("120 m²", "one hundred twenty square meters"),
        ("30 fps", "thirty frames per second"),
    ],
    "fractions and ranges": [
        ("1/2", "one half"),
        ("3/4", "three quarters"),
        ("2/3", "two thirds"),
        ("5/8", "five eighths"),
        ("1/100", "one one hundredth"),
        ("3 1/2", "three and a half"),
        ("2 3/4", "two and three quarters"),
        ("½", "one half"),
        ("2½", "two and a half"),
        ("24/7", "twenty four seven"),
        ("9/11", "nine eleven"),
        ("10-20", "ten to twenty"),
        ("10 - 20", "ten to twenty"),
        ("pages 5–10", "pages five to ten"),
        ("50-50", "fifty to fifty"),
        ("3:1", "three to one"),
        ("1.5-2.5", "one point five to two point five"),
    ],
    "phone numbers": [
        ("555-1234", "five five five , one two three four"),
        ("555-123-4567", "five five five , one two three , four five six seven"),
        ("(212) 555-0100", "two one two , five five five , oh one oh oh"),
        ("1-800-555-0199", "one , eight hundred , five five five , oh one nine nine"),
        ("+1 415 555 2671",
         "plus one , four one five , five five five , two six seven one"),
        ("+44 20 7946 0958",
         "plus four four , two oh , seven nine four six , oh nine five eight"),
        ("555.123.4567", "five five five , one two three , four five six seven"),
    ],
    "addresses of the web": [
        ("user@example.com", "user at example dot com"),
        ("jane.doe@mail.org", "jane dot doe at mail dot org"),
        ("https://example.com", "example dot com"),
        ("http://www.example.com/", "W W W dot example dot com"),
        ("www.example.org", "W W W dot example dot org"),
        ("example.com/help", "example dot com slash help"),
        ("github.io", "github dot I O"),
        ("Visit example.com.", "visit example dot com ."),
        ("openai.com, please", "openai dot com , please"),
        ("https://a.example.com/x?y=1",
         "A dot example dot com slash X question mark Y equals one"),
        ("my_name@site.net", "my underscore name at site dot net"),
        ("192.168.0.1",
         "one hundred ninety two dot one hundred sixty eight dot zero dot one"),
        ("end.Begin", "end . begin"),
    ],
    "abbreviations": [
        ("Mr. Smith", "mister smith"),
        ("Mrs. Jones", "missus jones"),
        ("Ms. Lee", "miz lee"),
        ("Dr. Brown is in.", "doctor brown is in ."),
        ("12 Maple Dr. is far.", "twelve maple drive is far ."),
        ("St. Paul", "saint paul"),
        ("Main St. is long.", "main street is long ."),
        ("Prof. Gray", "professor gray"),
        ("Gen. Lee", "general lee"),
        ("etc.", "et cetera ."),
        ("cats, dogs, etc. are pets", "cats , dogs , et cetera are pets"),
        ("red vs. blue", "red versus blue"),
        ("red vs blue", "red versus blue"),
        ("e.g. this", "for example this"),
        ("i.e. that", "that is that"),
        ("Acme Inc. The end.", "acme incorporated . the end ."),
        ("Acme Inc. is big", "acme incorporated is big"),
        ("John Jr. left", "john junior left"),
        ("approx. 5", "approximately five"),
        ("No. 5", "number five"),
        ("No. I won't.", "no . i won't ."),
        ("#1", "number one"),
        ("pp. 5-10", "pages five to ten"),
        ("p. 7", "page seven"),
        ("Vol. 2", "volume two"),
        ("fig. 3", "figure three"),
        ("He sat.", "he sat ."),
        ("The sun. The moon.", "the sun . the moon ."),
        ("min. 5 people", "minutes five people"),
        ("w/ milk", "with milk"),
        ("w/o milk", "without milk"),
        ("Ph.D.", "P H D ."),
        ("a Ph.D. student", "a P H D student"),
        ("Fifth Ave. is busy.", "fifth avenue is busy ."),
        ("Lt. Col. Ray", "lieutenant colonel ray"),
        ("Mt. Everest", "mount everest"),
        ("Jan. was cold", "january was cold"),
    ],
    "acronyms": [
        ("FBI", "F B I"),
        ("the CIA's men", "the C I A's men"),
        ("NASA", "nasa"),
        ("UNESCO", "unesco"),
        ("U.S.", "U S ."),
        ("the U.S. economy", "the U S economy"),
        ("the USA and the UN", "the U S A and the U N"),
        ("PCs", "P C's"),
        ("CDs and DVDs", "C D's and D V D's"),
        ("OK", "O K"),
        ("AI", "A I"),
        ("an LLM", "an L L M"),
        ("HTTP", "H T T P"),
        ("AT&T", "A T and T"),
        ("R&D", "R and D"),
        ("Q&A", "Q and A"),
        ("J.K. Rowling", "J K rowling"),
        ("A. B. Smith", "A B smith"),
        ("STOP!", "stop !"),
        ("HELP ME NOW PLEASE", "help me now please"),
        ("I AM NOT AMUSED TODAY", "i am not amused today"),
        ("Plan A.", "plan A ."),
        ("vitamin C", "vitamin C"),
        ("X marks the spot", "X marks the spot"),
        ("TV", "T V"),
    ],
    "codes": [
        ("MP3", "M P three"),
        ("B2B", "B two B"),
        ("4K", "four K"),
        ("5G", "five G"),
        ("COVID-19", "covid nineteen"),
        ("GPT-4", "G P T four"),
        ("R2D2", "R two D two"),
        ("F-16", "F sixteen"),
        ("H2O", "H two O"),
        ("v1.2.3", "version one point two point three"),
        ("v2", "version two"),
        ("version 2.0", "version two point zero"),
        ("iPhone", "I phone"),
        ("YouTube", "you tube"),
        ("McDonald", "mcdonald"),
        ("A4 paper", "A four paper"),
        ("3D", "three D"),
        ("Python 3.11", "python three point one one"),
        ("Boeing 747", "boeing seven hundred forty seven"),
    ],
    "roman numerals": [
        ("Henry VIII", "henry the eighth"),
        ("Louis XIV", "louis the fourteenth"),
        ("Elizabeth II", "elizabeth the second"),
        ("World War II", "world war two"),
        ("Chapter IV", "chapter four"),
        ("Chapter I", "chapter one"),
        ("Super Bowl LVII", "super bowl fifty seven"),
        ("Rocky III", "rocky three"),
        ("Act V", "act five"),
        ("Part IX.", "part nine ."),
        ("Then I left", "then i left"),
    ],
    "symbols": [
        ("salt & pepper", "salt and pepper"),
        ("5 + 3 = 8", "five plus three equals eight"),
        ("5 × 3", "five times three"),
        ("5 * 3", "five times three"),
        ("10 ÷ 2", "ten divided by two"),
        ("~5", "about five"),
        ("<5", "less than five"),
        ("x > 5", "X greater than five"),
        ("±2", "plus or minus two"),
        ("§ 5", "section five"),
        ("#winning", "hashtag winning"),
        ("@home", "at home"),
        ("50 %", "fifty percent"),
        ("x²", "X squared"),
        ("©2020 Acme™", "twenty twenty acme"),
        ("B → C", "B to C"),
        ("and/or", "and or"),
    ],
    "punctuation": [
        ("Hello, world!", "hello , world !"),
        ("Really?!", "really ?"),
        ("Wait...", "wait ."),
        ("Wait…", "wait ."),
        ("Yes - no", "yes - no"),
        ("Yes—no", "yes - no"),
        ("Yes -- no", "yes - no"),
        ("a well-known man", "a well known man"),
        ('"Quoted," he said.', "quoted , he said ."),
        ("“Curly,” she said.", "curly , she said ."),
        ("(aside) text", "aside , text"),
        ("one; two: three", "one ; two : three"),
        ("...", ""),
        ("?!,.", ""),
        ("One.\n\nTwo", "one . two"),
        ("One\n\nTwo", "one . two"),
        ("line one\nline two", "line one line two"),
        ("No.", "no ."),
        ("'single'", "single"),
        ("It's John's.", "it's john's ."),
        ("they’re", "they're"),
        ("rock 'n' roll", "rock and roll"),
        ("'tis true", "'tis true"),
        ("the boys' room", "the boys room"),
        ("don't", "don't"),
        ("o'clock", "o'clock"),
    ],
    "markdown and emoji": [
        ("**bold** text", "bold text"),
        ("*em* and _em_", "em and em"),
        ("~~gone~~", "gone"),
        ("`code` here", "code here"),
        ("# Heading", "heading"),
        ("## Part\n\nText", "part . text"),
        ("[link](http://example.com) text", "link text"),
        ("![image](a.png)", "image"),
        ("- one\n- two", "one . two"),
        ("* one\n* two", "one . two"),
        ("1. First\n2. Second", "one . first two . second"),
        ("> quoted", "quoted"),
        ("---", ""),
        ("before ```x = 1``` after", "before after"),
        ("<b>bold</b>", "bold"),
        ("Hi 😀!", "hi !"),
        ("👍🏽 good", "good"),
        ("I ❤️ it", "i it"),
        ("smile :) now", "smile now"),
        ("👨‍👩‍👧 family", "family"),
        ("snake_case", "snake case"),
    ],
    "scripts and accents": [
        ("café", "cafe"),
        ("naïve Zoë", "naive zoe"),
        ("Ångström", "angstrom"),
        ("straße", "strasse"),
        ("Łódź", "lodz"),
        ("ﬁne", "fine"),
        ("Ｈello", "hello"),
        ("привет hello", "hello"),
        ("你好 world", "world"),
        ("\u200bzero\u200bwidth", "zerowidth"),
        ("tab\tand\x00null", "tab andnull"),
        ("\ufeffstart", "start"),
    ],
    "plain": [
        ("", ""),
        ("   ", ""),
        ("hello", "hello"),
        ("Hello there", "hello there"),
        ("I am here.", "i am here ."),
        ("A dog barked.", "a dog barked ."),
        ("Author of the danger trail, Philip Steels, etc.",
         "author of the danger trail , philip steels , et cetera ."),
    ],
}  # fmt: skip
CASES = [case for cases in TABLE.values() for case in cases]


def shown(n: Normalised) -> str:
    """Tokens as the table writes them."""
    return " ".join(
        t.text[0].upper() + t.text[1:] if t.spelled else t.text for t in n.tokens
    )


@pytest.mark.parametrize(("text", "spoken"), CASES)
def test_table(text: str, spoken: str) -> None:
    """Each text of the table is spoken as written there."""
    assert shown(normalise(text)) == spoken


def test_table_is_large() -> None:
    """Several hundred cases."""
    assert len(CASES) > 300


@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_ranges_lie_in_the_source_and_in_order(text: str) -> None:
    """Each token says which characters it came from."""
    tokens = normalise(text).tokens
    for t in tokens:
        assert 0 <= t.start < t.end <= len(text)
    starts = [t.start for t in tokens]
    assert starts == sorted(starts)


def test_words_keep_their_own_range() -> None:
    """The words of a number share its range; other words have their own."""
    text = "Pay $5.20 now"
    ranges = [(t.text, text[t.start : t.end]) for t in normalise(text).tokens]
    assert ranges[0] == ("pay", "Pay")
    assert ("twenty", "$5.20") in ranges
    assert ranges[-1] == ("now", "now")


@pytest.mark.parametrize("spoken", [s for _, s in CASES if s == s.lower()])
def test_plain_words_stay_as_they_are(spoken: str) -> None:
    """Normalising what was normalised changes no word."""
    words = normalise(" ".join(w for w in spoken.split() if w not in MARKS)).words
    assert list(words) == [w for w in spoken.split() if w not in MARKS]


def test_foreign_letters_are_counted() -> None:
    """Letters of scripts that cannot be read are left out and counted."""
    assert normalise("привет hello").skipped == 6
    assert normalise("hello").skipped == 0


@pytest.mark.parametrize("seed", range(20))
def test_any_text_gives_clean_tokens(seed: int) -> None:
    """Random characters never fail and give only letters, apostrophes and marks."""
    rng = random.Random(seed)
    pool = string.printable + "€£½…—“”éπ中😀\u200d\ufe0f\x00"
    text = "".join(rng.choice(pool) for _ in range(400))
    tokens = normalise(text).tokens
    allowed = set(string.ascii_lowercase + "'")
    assert all(t.text in MARKS or set(t.text) <= allowed for t in tokens)
    pairs = itertools.pairwise(tokens)
    assert not any(a.is_mark and b.is_mark for a, b in pairs)


@pytest.mark.parametrize(
    "text", ["a." * 12_000, "1" * 25_000, "-" * 25_000, "x@" * 12_000, "1," * 12_000,
             "((" * 12_000, "*a " * 8_000, "A1" * 12_000, "[" * 25_000, "<a" * 12_000]
)  # fmt: skip
def test_hostile_length_stays_linear(text: str) -> None:
    """25,000 characters of the worst kind take a second or so, not minutes."""
    start = time.perf_counter()
    normalise(text)
    assert time.perf_counter() - start < 8  # loaded machines
