"""Which way does a question go? By its mode where that names one, else by what its text is."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from sophia_mcp import words
from sophia_mcp.embed.providers import static
from sophia_mcp.search import repomap
from sophia_mcp.search.candidates import lexical
from sophia_mcp.search.candidates.evidence import Values
from sophia_mcp.search.engine import Outcome, Question
from sophia_mcp.search.places import addresses, links, locate, missed, place, skipped, symbols, tracing
from sophia_mcp.search.question import spelling
from sophia_mcp.search.question.keys import of_place, said_key
from sophia_mcp.search.question.query import (
    TAGS,
    Query,
    is_block,
    is_code_name,
    is_name,
    is_pattern,
    said_code,
    said_name,
)
from sophia_mcp.search.ranking import ranked
from sophia_mcp.search.text import messages, regex, similar, verbatim, versions
from sophia_mcp.search.uses import graph, importers
from sophia_mcp.search.view.atlas import Mask
from sophia_mcp.security.text import counted
from sophia_mcp.store.database import Transaction
from sophia_mcp.words import IDENTIFIER

_OF_PLACES = ("auto", "references", "callers", "similar")
"""Modes in which a text may be lines of a file; who uses a file is asked for by its path as it is written."""

_BEYOND = re.compile(r"[^\w\s]")
"""What a name has that is no name of most languages."""


async def narrowed(question: Question, tx: Transaction) -> Question:
    """``class Router``, ``(*Router).add`` and ``app.py:add`` ask for a name where that name is defined as
    they say; else they are words."""
    question = await _respelt(question, tx)
    named = question.query.named
    # What one file defines is used in others: the filters say in which.
    of_uses = question.mode in ("references", "callers")
    allowed = None if of_uses else question.filter.allowed
    mode = question.request.mode
    if mode == "outline" or (mode in _OF_PLACES and question.query.kind in ("words", "path", "trace")):
        there = await links.said(question, tx)
        if there is not None and mode == "outline":
            return replace(question, query=Query(there.path, "path", there.path))
        if there is not None and (mode in ("auto", "similar") or there.kind == "lines"):
            return replace(question, query=there)
    if mode == "outline":
        return question
    if named is None or not named.path:
        text = named.name if named is not None else question.query.text
        whole = await _whole(question, tx, text, allowed)
        if whole is not None or named is None:
            return whole or question
    if named.path:
        files = locate.files(question, named.path)
        if not files and await skipped.find(question, tx, named.path):
            return replace(question, query=Query(named.path, "path", named.path))
        if not files and question.query.text != named.name:
            return replace(question, query=replace(question.query, named=None, asks=""))
        within = np.zeros(len(question.atlas.paths), bool)
        within[files] = True
        allowed = within if allowed is None else within & allowed
    query = replace(
        question.query, text=named.name, kind="identifier", identifiers=(named.name,), named=None
    )
    found = await symbols.definitions(tx, question.atlas, query.name, query.container, allowed)
    said = [item for item in found if item.exact]
    if named.kinds and (named.kinds == TAGS or not named.is_code):
        said = [item for item in said if item.symbol.kind in named.kinds]
    if of_uses and (said or (named.is_code and await symbols.spelt(tx, question.atlas, query.name))):
        return replace(question, query=query)
    if of_uses and is_code_name(query.name) and await graph.is_written(question, tx, query.name):
        return replace(question, query=query)  # of what a library defines
    if not said:
        return replace(question, query=replace(question.query, asks=""))
    return replace(question, query=query, filter=replace(question.filter, allowed=allowed))


async def _whole(
    question: Question, tx: Transaction, text: str, allowed: Mask | None
) -> Question | None:
    """The question about a name with points or hyphens in it, as R, HCL and Lisp have them, or with a dollar, as scripts
    do; None where nothing is called so."""
    query, text = question.query, text.removesuffix("()")
    if question.mode in ("text", "regex"):
        return None
    # A key is used by its last part: ``variable.region`` as ``var.region``; and one with hyphens is written in code.
    of_uses = question.mode in ("references", "callers")
    others = ("doc", "config") if of_uses or "." not in text else ("doc",)
    names = [text] if _BEYOND.search(text) else []
    if "$" in query.written and "." in text:
        names = ["$".join(text.rsplit(".", 1)), text]
    elif query.asks and query.written.endswith(f"{text}?") and not names:
        names = [] if await symbols.definitions(tx, question.atlas, text) else [f"{text}?"]
    for name in names:
        found = await symbols.definitions(tx, question.atlas, name, "", allowed)
        if any(item.exact and item.symbol.kind not in others for item in found):
            if locate.files(question, text):  # asked last: it looks through all paths
                return None
            return _about(question, name)
    if "." in text and (address := await addresses.defined(tx, question.atlas, text, allowed)):
        name, written = address
        return _about(question, written if of_uses else name, block=name)
    return None


def _about(question: Question, name: str, block: str = "") -> Question:
    """The question about one name, with all that is in it; ``block`` as in `Query`."""
    query = replace(
        question.query,
        text=name,
        kind="identifier",
        identifiers=(name,),
        named=None,
        is_whole=True,
        block=block,
    )
    return replace(question, query=query)


async def _respelt(question: Question, tx: Transaction) -> Question:
    """The question with its words spelt as the repository spells them."""
    query = question.query
    if query.kind != "words" or query.is_foreign or question.mode not in ("auto", "text"):
        return question
    doubtful = spelling.doubtful(query, static.own().place)
    if not doubtful:
        return question
    stems = {words.stem(word) for said in doubtful.items() for word in (said[0], *said[1])}
    counts = await lexical.frequencies(tx, question.engine.text, question.atlas, sorted(stems))
    return replace(question, query=spelling.respelt(query, doubtful, counts.documents))


async def follow(question: Question, tx: Transaction, vector: Values | None) -> Outcome:
    """What answers the question. ``vector``: what it means, where that is known and asked for."""
    mode, kind = question.mode, question.query.kind
    if mode == "outline":
        return await repomap.find(question, tx)
    if mode in ("references", "callers"):
        return await importers.find(question, tx) or await graph.find(question, tx)
    if mode == "similar":
        return await similar.find(question, tx)
    if kind == "regex":
        return await _pattern(question, tx)
    if kind == "lines":
        return await place.lines(question, tx)
    if kind == "trace":
        return await tracing.find(question, tx)
    if mode == "symbol":
        return await symbols.find(question, tx)
    if mode == "auto" and "://" in question.query.written and (link := await _link(question, tx)):
        return link
    if kind == "path":
        return await _path(question, tx, vector)
    if mode == "auto" and kind == "words" and (mapped := await _keyed(question, tx)):
        return mapped
    if mode == "auto" and kind == "words" and (near := await missed.misspelt(question, tx)):
        return near
    return await _said(question, tx, vector)


async def _keyed(question: Question, tx: Transaction) -> Outcome | None:
    """The map of a folder whose name no code could have; None where none of its files may answer."""
    text = question.query.text
    folder = locate.folder(question, text) if said_key(text) == text else None
    if folder is None:
        return None
    # With a slash, as a repository may be called like a folder of it.
    mapped = await repomap.find(replace(question, query=replace(question.query, text=f"{folder}/")), tx)
    return None if mapped.is_miss else mapped


async def _said(question: Question, tx: Transaction, vector: Values | None) -> Outcome:
    """A name, or what a text says: what has it as it is, then what is about it."""
    kind, written = question.query.kind, _as_written(question)
    exact = await verbatim.find(question, tx, written) if written else await _named(question, tx)
    if kind == "words" and (told := await versions.find(question, tx)):
        exact = _beside(told, exact)
    if kind in ("words", "error") and (exact is None or verbatim.only_repeats(question, exact)):
        message = await messages.find(question, tx)
        exact = _beside(message, exact)
    if kind == "identifier":
        found = await _identifier(question, tx)
    else:
        found = await ranked.find(question, tx, vector)
    if exact is not None:
        return verbatim.beside(exact, found)
    return await _edited(question, tx, written, found) if written and is_block(written) else found


async def _edited(question: Question, tx: Transaction, code: str, found: Outcome) -> Outcome:
    """What is like lines of code that stand nowhere as they are, and then what was ``found`` by their words."""
    if not await verbatim.is_nowhere(question, tx, code):
        return found
    alike = await similar.find(replace(question, query=Query(code, "words")), tx)
    if alike.is_miss:
        none = f"no {question.searched} has this code, or code like it"
        return replace(found, notes=(none, *found.notes))
    said = f"no {question.searched} has this code as it is; like it: {counted(alike.total, 'place')}"
    return verbatim.beside(replace(alike, notes=(said,)), found)


async def _link(question: Question, tx: Transaction) -> Outcome | None:
    """Where a link stands as it is, or what is said of a file or page that is elsewhere; None for any other text."""
    linked = await links.linked(question, tx)
    if linked is None and question.query.kind != "path":
        return None
    exact = await verbatim.find(question, tx, question.query.written)
    if exact is None or linked is None:
        return exact or linked
    return replace(exact, notes=(*exact.notes, *linked.notes[1:]))


async def _named(question: Question, tx: Transaction) -> Outcome | None:
    """Where the name stands of which a sentence asks where it is set, if only code writes such names and nothing
    defines it."""
    query, named = question.query, question.query.named
    if (
        query.kind != "words"
        or named is None
        or not is_code_name(named.name)
        or not of_place(query.written)
    ):
        return None
    return await _written(
        replace(question, query=replace(query, text=named.name, kind="identifier")), tx
    )


def _as_written(question: Question) -> str | None:
    """What is looked for as it is: code, also where it begins the definition of a name that is known, an option or
    the key of a configuration, and what holds no word, as a number does."""
    query = question.query
    asked = query.text if query.of_tests else query.written
    if query.kind == "identifier":
        named = said_name(asked)
        declared = named is not None and named.kinds not in ((), TAGS)
        return said_code(asked) if declared else None
    if query.kind != "words":
        return None
    return said_key(asked) or said_code(asked) or (None if IDENTIFIER.search(asked) else asked)


async def _pattern(question: Question, tx: Transaction) -> Outcome:
    """Lines that match. Where no pattern was asked for in so many words, the text may be code: it is, where it
    is written so and might be something else than a pattern, or where nothing matches."""
    query = question.query
    if question.mode == "regex":
        return await regex.find(question, tx)
    sure = is_pattern(query.text)
    code = said_code(query.text) or query.text
    if not sure and (exact := await verbatim.find(question, tx, code, everywhere=True)):
        return exact
    found = await regex.find(question, tx)
    if not found.is_miss:
        return found
    if sure:
        return await verbatim.find(question, tx, query.text, everywhere=True) or found
    vector = await question.meaning.of(query.text)
    near = await ranked.find(replace(question, query=replace(query, kind="words")), tx, vector)
    return replace(near, notes=("no line has this text or matches it", *near.notes))


async def _path(question: Question, tx: Transaction, vector: Values | None) -> Outcome:
    """A file, else a folder, else a dotted name, else words; but what can only be a file is missed."""
    if question.query.path == ".":
        return await repomap.find(replace(question, query=replace(question.query, text=".")), tx)
    if locate.is_folder(question, question.query.path):
        return await repomap.find(question, tx)
    found = await place.whole(question, tx)
    if found is not None:
        return found
    if locate.folder(question, question.query.path):
        return await repomap.find(question, tx)
    path = question.query.path
    named = replace(question, query=replace(question.query, kind="identifier"))
    if locate.is_file(path) and not await locate.is_member(question, tx, path):
        return await _file(named, tx)
    if known := await _defined(named, tx):
        return await symbols.meant(known, tx, await ranked.find(known, tx, None))
    if package := locate.folder(question, path.replace(".", "/")):
        return await repomap.find(
            replace(question, query=replace(question.query, text=f"{package}/")), tx
        )
    if await skipped.find(question, tx, path):
        return await missed.missing(question, tx)
    if is_name(path):
        if await symbols.definitions(tx, question.atlas, named.query.container):
            return await _identifier(named, tx)
        if written := await _written(named, tx):
            return verbatim.beside(written, await ranked.find(named, tx, vector))
    if near := await missed.misspelt(question, tx):
        return near
    return await _as_words(question, tx, vector)


async def _as_words(question: Question, tx: Transaction, vector: Values | None) -> Outcome:
    """What only looks like a path: the version that it may name, and then what its words are about."""
    told = await versions.find(question, tx)
    found = await ranked.find(replace(question, query=replace(question.query, kind="words")), tx, vector)
    return _beside(told, found) or found


def _beside(first: Outcome | None, rest: Outcome | None) -> Outcome | None:
    """What holds the very thing, and then the rest; either alone where the other is not."""
    return verbatim.beside(first, rest) if first and rest else first or rest


async def _file(question: Question, tx: Transaction) -> Outcome:
    """A file that no indexed one is: what became of it, or where its name is written, and what may be meant by it
    if it is none."""
    path = question.query.path
    if await skipped.find(question, tx, path):
        return await missed.missing(question, tx)
    if moved := await missed.moved(question, tx):
        return moved
    is_one = "*" not in path and not path.endswith("/")
    said = f"no indexed file is {path!r}"
    written = await verbatim.of_name(question, tx, path, said) if is_one else None
    if written is None:
        return missed.nowhere(question)
    known = await _defined(question, tx) if "/" not in path else None
    return verbatim.beside(written, await ranked.find(known, tx, None)) if known else written


async def _identifier(question: Question, tx: Transaction) -> Outcome:
    """A name: its definitions and the spans about it; by meaning only when it is not defined."""
    query = question.query
    if known := await _defined(question, tx):
        if not IDENTIFIER.search(query.text):  # an operator: no word is about it
            found = await symbols.find(known, tx)
            return _beside(found, await verbatim.find(known, tx, query.text)) or found
        found = await symbols.meant(known, tx, await ranked.find(known, tx, None))
        if not found.candidates or found.candidates[0].kind != "doc":
            return found
        # No code is called like its heading.
        return _beside(await _written(question, tx), found) or found
    named = await place.whole(replace(question, query=replace(query, path=query.text)), tx)
    if named is not None and not named.is_miss:
        return named
    found = await ranked.find(question, tx, await question.meaning.of(query.text))
    written = await _written(question, tx)
    if written is None:
        return found
    if (module := await place.module(question, tx)) is not None:
        written = replace(verbatim.beside(module, written), notes=written.notes)
    return verbatim.beside(written, found)


async def _defined(question: Question, tx: Transaction) -> Question | None:
    """The question about a name that is defined: of ``Router.new``, where nothing is called ``new``, about the
    class; None where nothing defines it."""
    query, atlas, allowed = question.query, question.atlas, question.filter.allowed
    if await symbols.definitions(tx, atlas, query.name, "", allowed):
        return question
    if query.name == "new" and await symbols.definitions(tx, atlas, query.container, "", allowed):
        text = query.text.removesuffix("()").removesuffix("new").rstrip(".:->#\\/")
        return replace(question, query=replace(query, text=text))
    return None


async def _written(question: Question, tx: Transaction) -> Outcome | None:
    """The places that write a name which nothing that may answer defines, in whatever spelling."""
    query, allowed = question.query, question.filter.allowed
    defined = await symbols.spelt(tx, question.atlas, query.name, "", allowed)
    if any(item.symbol.kind != "doc" for item in defined) or (defined and not is_code_name(query.name)):
        return None
    name = query.name if is_code_name(query.name) else query.text.removesuffix("()")
    if name.isascii() and name.isalpha() and not is_code_name(name):
        return None  # a word: what is about it is told by the ranking
    among = "is known" if allowed is None else "passes the filters"
    among += " but in documents" if defined else ""
    return await verbatim.of_name(question, tx, name, f"no definition of {name} {among}")
