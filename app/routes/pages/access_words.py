"""Words of the page of access; its script gets the same phrases."""

from typing import Any

from app.domain.caller import ROLES

ROLE_WORDS = {
    "viewer": "sees all imports and rows, changes nothing",
    "sender": "sends imports, and sees, stops and reverts its own ones",
    "operator": "sends, stops and reverts any import, deletes rows, handles orders",
    "admin": "may do everything, also create tokens",
}
SINGLE = "single scopes…"
ONCE = "Copy it now: it is shown this once, and can’t be had again. If it is lost, rotate or revoke it."
PHRASES: dict[str, Any] = {
    "roles": {role: sorted(scopes) for role, scopes in ROLES.items()},
    "all_datasets": "all",
    "key": "a key of the file",
    "never": "never",
    "this_browser": "this browser",
    "states": {"live": "Valid", "expired": "Expired", "revoked": "Revoked", "open": "Signed in", "ended": "Ended"},
    "actions": {"rotate": "Rotate…", "revoke": "Revoke…", "end": "End…"},
    "revoke": {
        "title": "Revoke the token of {name}?",
        "text": "A second later no server takes {id} any more, and the browsers that signed in with it are signed out.",
        "safe": "Keep it",
        "go": "Revoke",
        "done": "The token of {name} is revoked.",
    },
    "end": {
        "title": "End the session of {name}?",
        "text": "Its browser ({id}) has to sign in again. The token stays valid.",
        "safe": "Keep it",
        "go": "End",
        "done": "The session of {name} is ended.",
    },
}
