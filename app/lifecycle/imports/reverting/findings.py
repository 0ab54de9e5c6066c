"""Findings: what a revert takes, and what stands in its way: counted, listed, and with a fingerprint."""

from collections.abc import Iterable
from hashlib import sha256

from app.db.datasets.assignments import Place
from app.domain.requests.revert import WORDS, Found, Obstacle
from app.formats.batch import Reject
from app.formats.reject_file import RejectWriter


class Findings:
    """Of one look at the rows.

    Attributes:
        total: of all imports together.
        by_target: of each import.
        returned: of a revert of a revert, how many rows of each import come back.
    """

    def __init__(self, targets: Iterable[int], writer: RejectWriter) -> None:
        self.total = Found()
        self.by_target = {number: Found() for number in targets}
        self.returned: dict[int, int] = {}
        self._writer = writer
        self._digest = sha256()

    @property
    def fingerprint(self) -> str:
        """The same for the same rows and obstacles, in hexadecimal digits."""
        return self._digest.hexdigest()

    def mark(self, *what: object) -> None:
        """Let the fingerprint tell this apart."""
        self._digest.update(repr(what).encode())

    def refuse(
        self,
        obstacle: Obstacle,
        targets: Iterable[int],
        place: Place | None,
        count: int = 1,
        *,
        others: Iterable[int] = (),
        values: tuple[str | None, ...] | None = None,
    ) -> None:
        """Rows stand in the way of these targets: the one at a place, or so many of which nothing is known."""
        for found in (self.total, *(self.by_target[number] for number in targets)):
            found.count(obstacle, count)
        self.mark(str(obstacle), place, count)
        where = f"row {place[1]} of import number {place[0]}" if place else f"{count:,} row{'s' * (count > 1)}"
        named = ", ".join(str(number) for number in others)
        reason = f"{where}: {WORDS[obstacle]}" + (f" (number {named})" if named else "")
        self._writer.write([Reject(0, place[1] if place else 0, obstacle, reason, None, None, "", values)])
