"""May a package, and which of its files, be learned from? Only permissive licences, checked twice.

A package is taken when its registry metadata states an allowed licence **and** a licence file at its
root reads as one. Debian's machine-readable copyright file states licences per path: files under any
other licence are left out one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .archives import Package, licence_files

ALLOWED = ("MIT", "BSD", "Apache-2.0", "ISC", "Zlib", "Unlicense", "PSF")

_NAMES = {
    "mit": "MIT", "expat": "MIT", "mit/expat": "MIT", "mit license": "MIT", "the mit license": "MIT",
    "bsd": "BSD", "0bsd": "BSD", "bsd-2": "BSD", "bsd-3": "BSD", "bsd-2-clause": "BSD",
    "bsd-3-clause": "BSD", "bsd2": "BSD", "bsd3": "BSD", "bsd license": "BSD", "bsd-3-clauses": "BSD",
    "bsd-2-clauses": "BSD", "new bsd": "BSD", "3-clause bsd license": "BSD", "new bsd license": "BSD",
    "bsd 3-clause": "BSD", "bsd-3-clause license": "BSD",
    "apache-2.0": "Apache-2.0", "apache-2": "Apache-2.0", "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache": "Apache-2.0", "asl-2.0": "Apache-2.0",
    "isc": "ISC", "isc license (iscl)": "ISC", "zlib": "Zlib", "unlicense": "Unlicense",
    "psf": "PSF", "psf-2.0": "PSF", "python-2.0": "PSF", "python software foundation license": "PSF",
}  # fmt: skip

_TEXTS = (
    ("MIT", r"permission is hereby granted, free of charge, to any person obtaining a copy"),
    ("BSD", r"redistribution and use in source and binary forms"),
    ("Apache-2.0", r"apache license,? version 2\.0|licensed under the apache license"),
    ("ISC", r"permission to use, copy, modify, and(?:/or)? distribute this software for any purpose"),
    ("Zlib", r"altered source versions must be plainly marked"),
    ("Unlicense", r"free and unencumbered software released into the public domain"),
    ("PSF", r"python software foundation license"),
)
_OTHER = re.compile(
    r"gnu (?:lesser|library|affero)? ?general public license|mozilla public license|creative commons|"
    r"eclipse public license|common development and distribution|boost software license|artistic license"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``licence`` is what may be recorded, or empty with the ``reason`` of the refusal.
    ``refused`` holds glob patterns of single files under other licences."""

    licence: str
    reason: str = ""
    refused: tuple[tuple[bool, str], ...] = ()

    def allows(self, path: str) -> bool:
        """Whether one file of a taken package may be read. The last matching pattern wins."""
        allowed = True
        for permitted, pattern in self.refused:
            if fnmatchcase(path, pattern):
                allowed = permitted
        return allowed


def judge(package: Package) -> Verdict:
    """The verdict on one package, from its metadata and the licence files it carries."""
    refused: tuple[tuple[bool, str], ...] = ()
    if package.registry == "debian":
        stanzas = _stanzas(package.stated)
        whole = [name for patterns, name in stanzas if "*" in patterns]
        stated = permitted(whole[0]) if whole else ""
        if package.files[0].suffix == ".deb" and not all(permitted(name) for _, name in stanzas):
            return Verdict("", "a part of it is under another licence")
        refused = tuple((bool(permitted(name)), p) for patterns, name in stanzas for p in patterns)
    else:
        stated = permitted(package.stated)
    if not stated:
        return Verdict(
            "", f"metadata states {package.stated.splitlines()[0][:60] if package.stated else 'none'!r}"
        )
    texts = [re.sub(r"\s+", " ", text.lower()) for text in licence_files(package)]
    if not texts:
        return Verdict("", "no licence file")
    if package.files[0].suffix != ".deb" and (
        other := [m[0] for text in texts if (m := _OTHER.search(text))]
    ):
        return Verdict("", f"licence file mentions {other[0]}")
    found = {name for text in texts for name, pattern in _TEXTS if re.search(pattern, text)}
    if not found:
        return Verdict("", "licence file not recognised")
    return Verdict(stated, "", refused)


def permitted(expression: str) -> str:
    """The allowed licence(s) that an expression grants, or empty. ``OR`` needs one, ``AND`` all."""
    every: list[str] = []
    for clause in re.split(r"\s+and\s+|\s*[,;&]\s+", expression.strip().lower()):
        choices = [
            _name(term) for term in re.split(r"\s+or\s+|\s*\|\s*|/(?!expat)", clause.strip("() "))
        ]
        allowed = [choice for choice in choices if choice]
        if not allowed:
            return ""
        every.append(" OR ".join(sorted(set(allowed))))
    return " AND ".join(dict.fromkeys(every))


def _name(term: str) -> str:
    return _NAMES.get(term.strip("() \n").split(" with ")[0].removeprefix("license-").strip(), "")


def _stanzas(text: str) -> list[tuple[list[str], str]]:
    """(patterns, licence name) of each ``Files`` stanza, packaging files left out."""
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files:((?:.*\n?)(?:[ \t].*\n?)*)", stanza, re.M)
        licence = re.search(r"^License:[ \t]*(.*)$", stanza, re.M)
        if files and licence and not files[1].strip().startswith("debian/"):
            found.append((files[1].split(), licence[1]))
    return found
