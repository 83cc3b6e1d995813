"""Where does the source itself state the type of a variable? In declarations and constructions.

Each pattern reads one declaration as written. Groups: ``name`` (with ``self.``/``this.`` for a
field, or several names and commas), ``type`` as declared, ``made`` the type constructed, ``same``
another variable it is set to, ``field`` words that make a parameter a field as well.
"""

from __future__ import annotations

import re

from sophia_mcp.patterns import expression

_MODIFIERS = (
    r"(?:public|private|protected|internal|static|final|readonly|const|volatile|transient|abstract|override|"
    r"virtual|async|late|var|required|covariant|mutable|constexpr|inline|extern|register|struct|unsigned|in|ref|out|params|this)"
)

PYTHON = expression(
    r"(?P<name>(?:self\.|cls\.)?[^\W\d]\w*)\s*"
    r"(?::\s*(?P<type>[^=]+)(?:=.*)?$"
    r"|=\s*(?:await\s+)?(?P<made>(?:\w+\.)*_*[A-Z]\w*)\s*(?P<arguments>\(.*)$|=\s*(?P<same>[^\W\d]\w*)$"
    r"|=\s*(?P<given>(?:await\s+)?[^\W\d][\w.]*\(.*))"
    r"|(?P<entered>[^\W\d][\w.]*\(.*\))\s+as\s+(?P<var>\w+)$",
    re.DOTALL,
)

SCRIPT = expression(
    r"(?:@[\w$.]+(?:\([^()]*\))?\s+)*(?P<field>(?:(?:public|private|protected|readonly|static|declare|override|abstract)\s+)*)"
    r"(?P<name>(?:this\.)?[\w$#]+)\s*[?!]?\s*(?::\s*(?P<type>[^=;]+))?"
    r"(?:=\s*(?:new\s+(?P<made>[\w.$]+).*|(?P<same>[\w$]+)|(?P<given>(?:await\s+)?[\w$][\w$.?!]*(?:\(.*\)!?)?)|[^>].*))?;?$",
    re.DOTALL,
)

TYPED = expression(
    r"(?:(?:for(?:each)?\s*)?\(\s*|from\s+)?(?:\[[^\]]*\]\s*|@[\w.]+(?:\([^)]*\))?\s+|"
    + _MODIFIERS
    + r"\s+(?!\s*=))*"
    r"(?P<type>(?:var|auto)\b|[\w.:\\?$]+(?:\s*<[^=;]*?>)?(?:\s*\[\])*\??)(?P<pointer>\s+(?:const\s+)?[*&\s]*|\s*[*&]+\s*(?:const\s+)?)(?:\.\.\.\s*)?"
    r"(?P<name>\w+)\s*(?:[A-Z_]{3,}\([^()\n]*\)\s*)?"
    r"(?:=\s*(?:new\s+(?P<made>[\w.:]+)|(?:std::)?make_(?:unique|shared)<(?P<held>[\w:]+)>|(?P<called>[A-Z][\w:]*)\s*\(|(?P<given>(?:await\s+)?[\w.:>-]+(?:<[^()=;]*>)?\(.*\));?$|.).*|(?:[:;,({\[)]|in\b).*)?$",
    re.DOTALL,
)

NAMED = expression(
    r"(?:(?:(?:@[\w.]+(?:\([^)]*\))?|(?:public|private|protected|internal|fileprivate|nonisolated|pub)(?:\([^)]*\))?"
    r"|open|override|lateinit|weak|unowned|lazy|static|final|implicit|inline|vararg|const|_)\s+)*(?:(?:val|var|let)\s+)?)(?:ref\s+|mut\s+)*(?:\w+\s+)?"
    r"(?P<name>\w+)\s*(?::\s*(?P<type>[^={;]+))?"
    r"(?:=\s*(?:new\s+)?(?P<made>(?:\w+(?:\.|::))*[A-Z]\w*)(?:::(?:new|default|with_\w+|from\w*|open|build)\s*\(|\s*[({<\[]|$).*|=\s*(?P<given>[\w.?!]+\(.*\)(?:!!)?)$|=.*|(?:[{;].*)?)$",
    re.DOTALL,
)

RUST = expression(
    r"(?:let\s+|pub(?:\([^)]*\))?\s+)?(?P<some>(?:Some|Ok)\()?(?:ref\s+)?(?:mut\s+)?(?P<name>\w+)\)?\s*(?::\s*(?P<type>[^={;]+))?"
    r"(?:=\s*(?:(?P<made>(?:\w+::)*[A-Z]\w*)(?:::(?:new|default|with_\w+|from\w*|open|build)\s*\(|\s*[({<\[]|$).*"
    r"|(?P<given>[a-zA-Z_][\w.:]*\(.*?\)(?:\.await)?\??)(?:\s+else\s*\{.*)?;?$|.*)|[{;]?)$",
    re.DOTALL,
)

GO = expression(
    r"(?P<name>\w++(?>(?:\s*,\s*\w++)*))\s*(?::?=\s*+(?:(?:&|new\(|make\((?=[\[m]))?"
    r"(?P<literal>(?>(?:\[[\w.]*+\]|map\[[^\]]*+\])?)\*?+[\w.]++)(?:\[[^\]]*\])?[{),].*|(?P<given>[\w.]+(?:[(\[].*|$))|range\s+(?P<ranged>.+))"
    r"|\s(?P<type>(?:\[\w*\]|map\[[^\]]*\])?\*?(?:\w+\.)?\w+)(?:\[[^\]]*\])?\s*(?:[=`\"].*)?)$",
    re.DOTALL,
)

PHP = expression(
    r"(?P<field>(?:(?:(?:public|private|protected)(?:\(set\))?|readonly|static|var|final)\s+)*)"
    r"(?:(?P<type>\??[\w\\|]+)\s+&?\$(?P<name>\w+).*|(?P<var>\$(?:this->)?\w+)\s*=\s*(?:new\s+(?P<made>[\w\\]+).*|\$(?P<same>\w+)|(?P<given>[$\w].*)))$",
    re.DOTALL,
)

PERL = expression(
    r"(?:my|our|local|state)\s+(?:\$(?P<name>\w+)|\((?P<var>[^)]*)\))\s*=\s*(?:(?P<made>\w+(?:::\w+)*)->new\b)?.*$",
    re.DOTALL,
)

CONSTRUCTED = expression(
    r"(?:local\s+)?(?P<name>@{0,2}[\w.]+)\s*=\s*(?P<made>(?!(?:Struct|Class|Module)\b)[\w.:]+?)[.:]new\b.*$",
    re.DOTALL,
)

RUBY = expression(
    r"(?P<name>@{0,2}\w+)\s*(?:\|\|)?=\s*(?:(?P<made>(?!(?:Struct|Class|Module|Data)\b)(?:::)?[A-Z]\w*(?:::[A-Z]\w*)*)\.new"
    r"(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\([^)]*$|[ \t]+[^.({]*$)?(?:\s*(?:\{|do\b)(?:(?!(?:\}|\bend)\s*(?:&?\.|\[|[-+*/|?]|==)).)*)?$|(?P<given>.*)$)",
    re.DOTALL,
)
