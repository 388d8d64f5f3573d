"""Languages by their codes, and in which of them a turn is answered. Pure.

Knows neither who hears a language nor who speaks it.
"""

from __future__ import annotations

AUTO = "auto"  # found out by hearing
OWN = "en"  # of the built-in voice, the responder and all fixed lines

# English names of ISO 639-1 and 639-3, of the languages that Whisper hears
# (openai/whisper, whisper/tokenizer.py).
_NAMES = """
af Afrikaans|am Amharic|ar Arabic|as Assamese|az Azerbaijani|ba Bashkir|be Belarusian
bg Bulgarian|bn Bengali|bo Tibetan|br Breton|bs Bosnian|ca Catalan|cs Czech|cy Welsh
da Danish|de German|el Greek|en English|es Spanish|et Estonian|eu Basque|fa Persian
fi Finnish|fo Faroese|fr French|gl Galician|gu Gujarati|ha Hausa|haw Hawaiian|he Hebrew
hi Hindi|hr Croatian|ht Haitian Creole|hu Hungarian|hy Armenian|id Indonesian
is Icelandic|it Italian|ja Japanese|jw Javanese|jv Javanese|ka Georgian|kk Kazakh
km Khmer|kn Kannada|ko Korean|la Latin|lb Luxembourgish|ln Lingala|lo Lao|lt Lithuanian
lv Latvian|mg Malagasy|mi Maori|mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi
ms Malay|mt Maltese|my Burmese|ne Nepali|nl Dutch|nn Nynorsk|no Norwegian|oc Occitan
pa Punjabi|pl Polish|ps Pashto|pt Portuguese|ro Romanian|ru Russian|sa Sanskrit
sd Sindhi|si Sinhala|sk Slovak|sl Slovenian|sn Shona|so Somali|sq Albanian|sr Serbian
su Sundanese|sv Swedish|sw Swahili|ta Tamil|te Telugu|tg Tajik|th Thai|tk Turkmen
tl Tagalog|tr Turkish|tt Tatar|uk Ukrainian|ur Urdu|uz Uzbek|vi Vietnamese|yi Yiddish
yo Yoruba|yue Cantonese|zh Chinese
"""
NAMES: dict[str, str] = {
    code: name
    for row in _NAMES.strip().replace("\n", "|").split("|")
    for code, _, name in [row.partition(" ")]
}


def primary(tag: str) -> str:
    """The language of a BCP 47 tag without its country: ``"pt-BR"`` is ``"pt"``."""
    return tag.replace("_", "-").partition("-")[0].lower()


def named(tag: str) -> str:
    """English name of a language; its code where there is none."""
    return NAMES.get(primary(tag), tag)


def code(told: str) -> str:
    """Code of a language by what a service calls it: ``"es"``, ``"Spanish"``.

    ``""`` for what is neither.
    """
    told = told.strip().lower()
    if told in NAMES:
        return told
    return next((each for each, name in NAMES.items() if name.lower() == told), "")


def answer_language(heard: str, asked: str, usual: str) -> str:
    """In which language a turn is to be answered.

    Args:
        heard: That the recogniser found or was fixed to; ``""`` if it cannot tell.
        asked: By the client; ``""`` is the server's choice, ``"auto"`` found out.
        usual: What the recogniser writes down where nothing is asked; ``""`` if that
            is found out.

    Returns:
        BCP 47; ``""`` where nothing but the server's own language is spoken, so that
        no model need be told.
    """
    fixed = asked or usual
    known = heard or (fixed if fixed != AUTO else "")
    # A client that asks for Brazilian Portuguese is answered in that.
    if primary(fixed) == primary(known):
        known = fixed
    only_own = primary(fixed) == OWN and primary(known) in (OWN, "")
    return "" if only_own else known
