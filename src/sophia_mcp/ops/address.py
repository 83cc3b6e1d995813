"""Where does an address lead, and may anything be sent there?"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from sophia_mcp.errors import BadSetting, NotAllowed


def fault(
    base_url: str,
    setting: str,
    *,
    cargo: str = "questions",
    allow_plain: bool = False,
    permit: str = "llm.allow_http",
) -> BadSetting | NotAllowed | None:
    """What is wrong with ``setting``'s address, to which ``cargo`` would travel, or None. Plain http goes to
    this machine only, unless a person allowed it for their own network by the setting ``permit``, if any."""
    try:
        url = urlsplit(base_url)
        host = url.hostname or ""
        _ = url.port
    except ValueError:
        url, host = urlsplit(""), ""
    if url.scheme not in ("http", "https") or not host:
        return BadSetting(
            f"{setting}.base_url is not the address of an endpoint",
            why="it must begin with https:// (or http:// on this machine) and name a host",
            next="write it like http://127.0.0.1:11434/v1",
        )
    if url.username or url.password:
        return BadSetting(
            f"{setting}.base_url carries a user name or password",
            why="an address is written to logs",
            next=f"move the secret to {setting}.key",
        )
    if url.scheme == "http" and not loopback(host) and not allow_plain:
        return NotAllowed(
            f"{cargo} would travel to {host} unencrypted",
            why="http is allowed to this machine only",
            next="use an https:// address"
            + (f", or set {permit} for a network you trust" if permit else ""),
        )
    return None


def host_of(base_url: str) -> str:
    """The host of an address, or empty."""
    try:
        return (urlsplit(base_url).hostname or "").lower()
    except ValueError:
        return ""


def place_of(base_url: str) -> tuple[str, int] | None:
    """Host and port of an address, or None where it has no host."""
    host = host_of(base_url)
    url = urlsplit(base_url) if host else None
    return (host, url.port or (443 if url.scheme == "https" else 80)) if url is not None else None


def loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def within(host: str, domain: str) -> bool:
    """Whether a host belongs to a domain."""
    return host == domain or host.endswith(f".{domain}")
