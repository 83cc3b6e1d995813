"""What of a question in German, French, Spanish, Portuguese, Italian or Dutch may be about code? All but its
function words.

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

_PORTUGUESE = """ao aos às até com como da das de depois dela dele do dos e ela ele em entre esse essa esta este está
estão eu foi há isso isto mais mas na nas no nos não onde os ou para pela pelas pelo pelos por porque qual quais quando que
quem se sem ser seu sobre são também tem um uma uns à é"""
_ITALIAN = """agli ai al alla alle allo anche che chi come con cosa cui da dagli dai dal dalla dalle dallo degli dei del
della delle dello di dopo dove durante e fra gli ha hanno il la le lo ma negli nei nel nella nelle nello non o ogni per
perché più prima quale quali quando quella quello questa questo sono su sua sui sul sulla sulle suo tra un una uno viene
vengono è"""
_DUTCH = """aan alle als bij dat de deze die dit door een en er geen heeft het hoe hun ik je kan maar met moet na naar
niet nog om onder ook op te tot tussen uit van voor waar waarom waarin wanneer wat welk welke wie word worden wordt zich
zijn zonder"""

_FUNCTION = frozenset(f"{_GERMAN} {_FRENCH} {_SPANISH} {_PORTUGUESE} {_ITALIAN} {_DUTCH}".split())
_ALSO_ENGLISH = frozenset(
    """aan ai al alle am an as bij chi com come comment con cosa da dagli dal de del den des di die dit do
    door dos e el ele ella em en entre er es est eu ha hat het hoe hun il im in je kan la le lo ma man met
    mit na ne nei no non nos o om on onder op or os ou par pas per pour sa sans se ser si sin so son sous
    su sua sur te tem tot tra um van war was wat wie word y""".split()
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
