"""Change feed: one poller a process reads what changed and pushes it to all who follow, however many they are.

Streams hold a thread each and no connection: the poller reads the ledger for all of them, while there is anybody.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from random import uniform
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Protocol

import structlog

from app.db.database import Database
from app.db.imports import queries
from app.db.imports.queries import Event
from app.domain.errors import DatabaseUnavailable, TooManyAtOnce, TooManyStreams
from app.domain.feed_cursor import OVERLAP, Cursor, RowVersion, cursor_at
from app.domain.imports import Import
from app.domain.states import FINAL
from app.lifecycle.imports.queries import find_import
from app.lifecycle.services import Services

POLL_SECONDS = 0.5
FAILED_SECONDS = 5.0  # between two looks that fail, at most
OLDEST = OVERLAP * 20  # a client that was away for longer gets the list again
ROWS_A_QUERY = 500

log = structlog.get_logger(__name__)


class Row(Protocol):
    """A row of a ledger."""

    @property
    def id(self) -> str: ...

    @property
    def number(self) -> int: ...

    @property
    def state(self) -> str: ...

    @property
    def sequence(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Change:
    """An import as it is now, or a row of an extension's ledger, with its timeline where somebody followed just this
    one."""

    row: Row
    timeline: list[Event] | None = None


@dataclass(frozen=True)
class Batch:
    """What one look at the ledger found, and the cursor of the clients that received it."""

    cursor: Cursor
    changes: tuple[Change, ...]


class Subscription:
    """One stream's queue: updates wait here until it sends them."""

    def __init__(self, watch: "ChangeFeed", number: int | None, client: str) -> None:
        self.number = number
        self.client = client
        self._watch = watch
        self._batches: SimpleQueue[Batch | None] = SimpleQueue()

    def tell(self, batch: Batch | None) -> None:
        """Put down what was found; None ends the stream."""
        self._batches.put(batch)

    def listen(self) -> Iterator[Batch | None]:
        """What is found, None as a sign of life from time to time; ends after about `stream_max_seconds`, or when the
        web server ends."""
        seconds = self._watch.seconds
        until = monotonic() + seconds * uniform(0.9, 1)
        while (left := until - monotonic()) > 0:
            try:
                batch = self._batches.get(timeout=min(left, seconds / 4))
            except Empty:
                yield None
                continue
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        """Give the place to another; may be called again."""
        self._watch.forget(self)


class ChangeFeed:
    """One process's watching. Nothing is started before the first subscription, so a fork may come between."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = Lock()
        self._subscriptions: set[Subscription] = set()
        self._poller: Thread | None = None
        self._closing = False
        self.seconds = services.settings.stream_max_seconds

    def subscribe(self, number: int | None = None, client: str = "") -> Subscription:
        """A place for following one import, or all. One client has half of them at most; without a name it is the only
        one. Raises `TooManyStreams` and `TooManyAtOnce`."""
        most = self._services.settings.max_streams
        share = max(1, most // 2)
        subscription = Subscription(self, number, client)
        with self._lock:
            if client and sum(each.client == client for each in self._subscriptions) >= share:
                raise TooManyAtOnce(
                    f"{share} streams of yours are open, the maximum of a client: ask every 2 s instead",
                    limit="streams",
                    most=share,
                )
            if self._closing or len(self._subscriptions) >= most:
                raise TooManyStreams(f"{most} streams are open here, which is all: ask every 2 s instead", streams=most)
            if self._poller is None:
                poller = Thread(target=self._poll_on, name="watch", daemon=True)
                poller.start()  # it looks for subscriptions when we have let the lock go
                self._poller = poller
            self._subscriptions.add(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Take a subscription away."""
        with self._lock:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every stream soon. Takes no lock: it is called by a signal, in the midst of anything."""
        self._closing = True

    def _poll_on(self) -> None:
        known: dict[int, int] = {}
        pause = POLL_SECONDS
        while self._has_watchers():
            try:
                known, pause = self._poll(known), POLL_SECONDS
            except DatabaseUnavailable as error:
                log.warning("nothing_to_tell", error=error.detail)
            except Exception as error:  # a poller that ended would leave every stream without news
                trace = error if pause == POLL_SECONDS else None
                pause = min(pause * 2, FAILED_SECONDS)
                log.error("nothing_to_tell", error=f"{type(error).__name__}: {error}", exc_info=trace)
            sleep(pause)

    def _has_watchers(self) -> bool:
        with self._lock:
            if self._closing:
                for subscription in self._subscriptions:
                    subscription.tell(None)
            if self._closing or not self._subscriptions:
                self._poller = None
                return False
            return True

    def _poll(self, known: dict[int, int]) -> dict[int, int]:
        """Tell what differs from `known`, sequences by number; returns those of now."""
        with self._lock:
            followed = {subscription.number for subscription in self._subscriptions}
        with self._services.database.begin() as connection:
            now = queries.read_clock(connection)
            versions: list[RowVersion] = []
            rows: list[Row] = []
            for feed in (queries, *(extension.feed for extension in self._services.extensions)):
                changed = feed.list_changed(connection, now - OVERLAP)
                numbers = [version.number for version in changed if version.sequence > known.get(version.number, 0)]
                for start in range(0, len(numbers), ROWS_A_QUERY):
                    rows += feed.list_numbered(connection, numbers[start : start + ROWS_A_QUERY])
                versions += changed
            timelines = queries.list_timelines(connection, [row.number for row in rows if row.number in followed])
        # what changed between two of these queries counts by what was read
        seen = {version.number: version.sequence for version in versions} | {row.number: row.sequence for row in rows}
        if rows:
            batch = Batch(Cursor(now - OVERLAP, seen), tuple(Change(row, timelines.get(row.number)) for row in rows))
            with self._lock:  # who comes after this looks at the ledger after we have
                for subscription in self._subscriptions:
                    subscription.tell(batch)
        return seen


@dataclass(frozen=True)
class Update:
    """What a stream sends of one import or handling: its state, and the events of its timeline that were not sent
    yet."""

    row: Row
    events: tuple[Event, ...]


@dataclass(frozen=True)
class End:
    """It is over, and all of it was sent."""

    row: Row


def follow_import(database: Database, subscription: Subscription, id: str, after: int) -> Iterator[Update | End | None]:
    """An import's changes after sequence `after`, each event of its timeline once, and its end; None is a sign of
    life. Raises `ImportNotFound`."""
    return follow_one(subscription, lambda: find_import(database, id), FINAL, after)


def follow_one(
    subscription: Subscription, find: Callable[[], tuple[Row, list[Event]]], final: Collection[str], after: int
) -> Iterator[Update | End | None]:
    """The changes of what `find` reads, until it is in a `final` state. Raises what `find` raises."""
    row, timeline = find()
    known = after if after <= row.sequence else 0  # no ledger of ours has said that
    yield _update(row, timeline, known) if row.sequence > known else None
    known = row.sequence
    if row.state in final:
        yield End(row)
        return
    for batch in subscription.listen():
        if batch is None:
            yield None
            continue
        for change in batch.changes:
            if change.row.number != row.number or change.row.sequence <= known:
                continue
            row, timeline = find() if change.timeline is None else (change.row, change.timeline)
            yield _update(row, timeline, known)
            known = row.sequence
            if row.state in final:
                yield End(row)
                return


def _update(row: Row, timeline: list[Event], known: int) -> Update:
    # the timeline was read after the row, so it may know more
    return Update(row, tuple(event for event in timeline if known < event.sequence <= row.sequence))


@dataclass(frozen=True)
class FeedUpdate:
    """What a stream of all imports sends: those that changed, and from where to go on. `is_gap`: the watcher was away
    for too long, or too much has happened, to send it what it missed."""

    cursor: Cursor
    changes: tuple[Change, ...] = ()
    is_gap: bool = False


def find_cursor(database: Database) -> Cursor:
    """Where somebody begins to follow who reads the list after this."""
    with database.begin() as connection:
        now = queries.read_clock(connection)
        return cursor_at(now, queries.list_changed(connection, now - OVERLAP))


def follow_all(database: Database, subscription: Subscription, after: Cursor | None) -> Iterator[FeedUpdate]:
    """Changes of all imports after a cursor, or from now on; news without changes are a sign of life."""
    first = _catch_up(database, after)
    yield first
    cursor, known = first.cursor, dict(first.cursor.seen)
    for batch in subscription.listen():
        changes: tuple[Change, ...] = ()
        if batch is not None:
            imports = (change for change in batch.changes if isinstance(change.row, Import))
            fresh = (change for change in imports if change.row.sequence > known.get(change.row.number, 0))
            changes, cursor = tuple(fresh), max(cursor, batch.cursor, key=lambda one: one.since)
            known.update((change.row.number, change.row.sequence) for change in changes)
        if batch is None or changes:
            yield FeedUpdate(cursor, changes)


def _catch_up(database: Database, after: Cursor | None) -> FeedUpdate:
    if after is None:
        return FeedUpdate(find_cursor(database))
    with database.begin() as connection:
        now = queries.read_clock(connection)
        if not after.is_exact or not now - OLDEST < after.since < now:
            return FeedUpdate(cursor_at(now, queries.list_changed(connection, now - OVERLAP)), is_gap=True)
        versions = queries.list_changed(connection, after.since)
        missed = [version.number for version in versions if after.is_new(version.number, version.sequence)]
        here = cursor_at(now, versions)
        if len(missed) > ROWS_A_QUERY:
            return FeedUpdate(here, is_gap=True)
        rows = queries.list_numbered(connection, missed)
    read = {row.number: row.sequence for row in rows}
    return FeedUpdate(Cursor(here.since, {**here.seen, **read}), tuple(Change(row) for row in rows))
