"""What does the URL of a repository name, without what may be a secret in it?"""

from __future__ import annotations

import re

_REMOTE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/]*@)?(\[[^\]/@]*\]|[^/:@]*)(?::\d*)?(?:/+([^@?#]*))?"
)
_FILE = re.compile(r"(?i:file)://(?:[^/]*@)?([^/:@]*)/*(.*)")
_SCP = re.compile(r"(?:[^/]*@)([^/:@]+):(?!//)/*(.*)")
_PATH = re.compile(r"\.|/(?!/)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def plain_url(url: str) -> str:
    """``git@host:a/b.git`` and ``https://me:token@host/a/b`` become ``host/a/b``; paths stay paths. Of what only
    looks like a URL all before the last @ goes, and any query and fragment: they may be secrets."""
    url = url.strip()
    match = _REMOTE.fullmatch(url) or _FILE.fullmatch(url) or _SCP.fullmatch(url)
    host, path = (match[1].lower(), match[2] or "") if match else ("", _formless(url))
    path = path.rstrip("/").removesuffix(".git")
    return f"{host}/{path}" if host else path


def _formless(url: str) -> str:
    if _PATH.match(url):
        return url
    named, *asked = re.split(r"[?#]", url)
    # A password may hold a ? and a query an @: where both are possible, nothing is sure to be no secret.
    return "" if any("@" in part for part in asked) else _SCHEME.sub("", named).rpartition("@")[2]
