"""What of a question in German, French or Spanish may be about code? All but its function words.

Code rarely holds words of these languages, so its readers' function words would be found in whatever happens to
be spelt like them, and their other words are missing though the thing they ask for is there.
"""

from __future__ import annotations

from sophia_mcp.words import IDENTIFIER, STOP_WORDS

_GERMAN = """als am an auf aus bei beim bis da das dass dem den denn der des die dies diese dieser dieses durch ein
eine einem einen einer eines er es für gegen gibt hat ich im in ist kann können man mit nach nicht nur ob oder ohne per
seine sich sie sind so um und uns unter vom von vor wann war warum was weil welche welcher welches wenn wer werden wie
wir wird wo woher wohin wurde wurden zu zum zur zwischen über"""
_FRENCH = """au aux avec ce ces cette comment dans de depuis des donc du elle en est et il ils je la le les leur mais
ne nous on ont ou par pas pour pourquoi quand que quel quelle quelles quels qui quoi sa sans se ses si son sont sous sur
trouve un une vers vous à être où"""
_SPANISH = """al antes como con cual cuando cuál cuándo cómo de del desde después donde dónde el ella en entre es esta
este esto está están ha hace hasta hay la las lo los más no para pero por porque que qué quién se según ser si sin
sobre son su sus también un una y"""

_FUNCTION = frozenset(f"{_GERMAN} {_FRENCH} {_SPANISH}".split())
_ALSO_ENGLISH = frozenset(
    """al am an as comment con da de del den des die do el en entre es est hat in la man mit no on or par pas per pour
    sa sans se si sin so son sous sur um war was y""".split()
)
"""Those that a sentence about code may have, too: as words, names or options."""


def content(text: str) -> str:
    """The text of a question in one of these languages without its function words; empty for any other text."""
    said = {word.casefold() for word in IDENTIFIER.findall(text)}
    foreign = said & _FUNCTION
    if (
        len(foreign) < 2
        or not foreign - _ALSO_ENGLISH
        or len(foreign) <= len(said & STOP_WORDS - _FUNCTION)
    ):
        return ""
    kept = IDENTIFIER.sub(lambda word: "" if word[0].casefold() in _FUNCTION else word[0], text)
    return " ".join(kept.split())
