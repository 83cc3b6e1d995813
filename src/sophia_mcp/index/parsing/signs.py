"""By which signs does a call tell what it is called on, and a type what only other files say of it?

They stand in what is kept of a file. Who reads that needs these, and nothing of what found it.
"""

from __future__ import annotations

import re

GLOBAL = "\\"
"""The receiver of what PHP names in no namespace: ``\\Exception``."""

MACRO = "!"
"""The receiver of a macro of Rust, which is none of the functions of its name."""

THROUGH = "->"
"""Ends the receiver of a call in C++ that is one of what this points to, where the source states its type."""

TOP = "::"
"""Begins what Ruby names in no module, and C++ in no namespace; the receiver of what is named so."""

EXPRESSION = "?"
"""The receiver of a call on something that is no name, path or construction."""

FIELD = ">"
"""Stands between a type and a field of it that this file does not declare: ``Crawler>settings``."""

ALIASED = ""
"""The field of a type that is another name for one, whose type is that."""

FOLLOWED = re.compile(">|\\(\\)")
"""In a type that only what defines its field or function states."""

GIVEN = "()"
"""Ends what gives a value: ``open()`` is of the type that this function states, ``Pool>get()`` that method."""

ENTERED = "with "
"""Begins the type that only who enters, awaits or unwraps what is given has, or takes one of its elements: what
Python yields, promises, options, lists."""

AWAITED = "__await__()"
ELEMENT = "__item__()"
"""Stand for a call where ``await`` or the arrow of C++, or an index, takes out what is held."""
