"""Actors: on whose behalf this thread works, for what it records beside a change."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Who changes something, and by which operation.

    Attributes:
        act: the operation's name, as in the document of the interface.
        client: the client's name, or who runs an operator's command.
        address: where the request came from.
        token: the id of the token; None for a key of the file.
        session: the id of the browser's session.
    """

    act: str
    client: str = ""
    address: str = ""
    token: str | None = None
    session: str | None = None
    request_id: str | None = None


MAX_NAME = 64  # of a client's name; who runs an operator's command may have a longer one


# None: no one asked for it, as in a worker, or no one is asked who asks
current: ContextVar[Actor | None] = ContextVar("actor", default=None)


def name_actor() -> str | None:
    """The name of who lets this thread change something; None where no one does, or no one is asked who asks."""
    actor = current.get()
    return actor.client[:MAX_NAME] or None if actor is not None else None


@contextmanager
def acting(actor: Actor | None) -> Iterator[None]:
    """Let changes be recorded as this actor's for as long as this lasts."""
    before = current.set(actor)
    try:
        yield
    finally:
        current.reset(before)
