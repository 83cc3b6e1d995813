"""Which secret does the system's own store keep under this name? Asked only when it is referred to."""

from __future__ import annotations

from importlib import import_module

from sophia_mcp.errors import BadSetting


def look_up(place: str) -> str:
    """The secret of ``service/name``; the service may hold slashes, the name none.

    Raises BadSetting for a place that is none, a store that cannot be asked, and a secret it lacks.
    """
    service, _, name = place.rpartition("/")
    if not service or not name:
        # Not repeated: it may be the secret itself.
        raise BadSetting(
            "a keyring: reference names no secret", why="a service or a name is missing", next=_FORM
        )
    try:
        keyring, problems = import_module("keyring"), import_module("keyring.errors")
    except ImportError:
        raise BadSetting(
            "a keyring cannot be asked",
            why="the package keyring is not installed",
            next="pip install 'sophia-mcp[keyring]'",
        ) from None
    try:
        found = keyring.get_password(service, name)
    except problems.KeyringError as error:
        # What a store says is not repeated: it is another program's text beside a secret.
        raise BadSetting(
            f"the keyring did not give {service}/{name}",
            why=f"it says {type(error).__name__}",
            next=f"`keyring get {service} {name}` shows what it lacks, `keyring diagnose` which store is used",
        ) from None
    if not found:
        raise BadSetting(
            f"the keyring has no secret for {service}/{name}",
            why="it keeps none under that service and name",
            next=f"keyring set {service} {name}",
        )
    return str(found)


_FORM = "write keyring:SERVICE/NAME, as in `keyring set SERVICE NAME`"
