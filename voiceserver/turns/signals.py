# ruff: noqa: RUF001 - letters of other alphabets are meant
"""What listeners say without wanting the turn, and what asks for quiet, by language.

Words alone; what follows from them is for ``cues``. The lists are judgement: the
commonest in everyday speech, and only those that mean nothing else on their own.
"""

from __future__ import annotations

# Said to show that one listens; not a wish for the turn. "" is every language's.
_BACKCHANNELS = {
    "": "uh-huh uhhuh uh huh mm mmm mmhmm hm hmm mhm mm-hmm mm-mm ah oh aha ok okay",
    "en": "yeah yep yup yes right sure cool nice good great i see got it wow really",
    "de": "ja genau klar gut schön richtig stimmt ach so achso verstehe super",
    "fr": "oui ouais d'accord voilà bien bon super je vois c'est ça exact",
    "es": "sí si claro vale bueno bien ya entiendo de acuerdo ajá",
    "it": "sì si certo va bene capito giusto esatto già",
    "pt": "sim claro certo tá bom pois é entendi isso",
    "nl": "ja precies klopt goed prima juist leuk",
    "sv": "ja jo precis just det bra visst",
    "pl": "tak no dobrze jasne rozumiem właśnie",
    "ru": "да ага угу хорошо ладно понятно ясно так",
    "tr": "evet tamam hı hı anladım peki tabii",
    "ja": "はい ええ うん そう そうですね なるほど へえ",
    "zh": "嗯 对 好 好的 是 是的 哦 对对 嗯嗯",
    "ko": "네 예 응 그래 그렇구나 맞아요 아",
    "hi": "हाँ हां जी अच्छा ठीक है सही",
}
# Asks for quiet; two words are joined by a hyphen.
_STOPS = {
    "": "stop",
    "en": "wait quiet enough pause cancel hold-on hang-on shut-up be-quiet never-mind",
    "de": "stopp halt warte warten moment ruhe genug abbrechen",
    "fr": "stop arrête arrêtez attends attendez silence assez",
    "es": "para pare espera espere basta silencio alto",
    "it": "ferma fermati aspetta basta silenzio",
    "pt": "para pare espera espere chega silêncio",
    "nl": "wacht genoeg stil ho",
    "sv": "stopp vänta tyst sluta",
    "pl": "czekaj poczekaj cicho dość przestań",
    "ru": "стоп подожди подождите хватит тихо",
    "tr": "dur bekle yeter sus",
    "ja": "待って ちょっと待って やめて ストップ",
    "zh": "停 等等 等一下 别说了 够了",
    "ko": "잠깐 잠깐만 그만 멈춰",
    "hi": "रुको रुकिए बस ठहरो",
}


def _by_language(table: dict[str, str]) -> dict[str, frozenset[str]]:
    everywhere = table[""].split()
    return {
        language: frozenset(everywhere + words.split())
        for language, words in table.items()
    }


LISTENS = _by_language(_BACKCHANNELS)
QUIET = _by_language(_STOPS)
MARKS = ".,!?…;:。、，！？"
