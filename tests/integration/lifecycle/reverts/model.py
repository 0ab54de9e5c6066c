"""A model in memory of what the table and the answers must be after any sequence of imports, edits and reverts."""

from dataclasses import dataclass, field

Place = tuple[int, int]  # the number of the import that brought the row, its row number there
STRANGER = -1


@dataclass
class Row:
    """A row of the table; `changed_by` is None, an import's number or `STRANGER`."""

    place: Place
    customer: str
    changed_by: int | None = None


@dataclass
class Image:
    """A row as it was before an import updated it."""

    customer: str
    changed_by: int | None
    consumed: bool = False


@dataclass
class Loaded:
    """An import: how many rows it brought, how many went through us, how many are known to be there, and what it
    updated."""

    rows_done: int
    rows_kept: int = 0
    rows_deleted: int = 0
    images: dict[Place, Image] = field(default_factory=dict)
    reverted: bool = False


@dataclass
class Expected:
    """What a revert does."""

    deleted: list[int]  # order numbers
    restored: list[Place]
    left: int  # rows in the way that are in the table
    missing: int  # of the import's own
    obstacles: int


class Model:
    """Order numbers and customers; what the application must come to."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.imports: dict[int, Loaded] = {}

    @property
    def table(self) -> dict[int, str]:
        return {number: row.customer for number, row in self.rows.items()}

    def load(self, import_no: int, numbers: list[int], customer: str, mode: str) -> bool:
        """Whether it commits."""
        if mode == "fail" and (len(set(numbers)) < len(numbers) or set(numbers) & set(self.rows)):
            return False
        loaded = Loaded(0)
        for row_no, number in enumerate(numbers, 1):
            row = self.rows.get(number)
            if row is None:
                self.rows[number] = Row((import_no, row_no), customer)
                loaded.rows_done += 1
            elif mode == "update":
                if row.place[0] != import_no:
                    loaded.images.setdefault(row.place, Image(row.customer, row.changed_by))
                    row.changed_by = import_no
                row.customer = customer
        loaded.rows_kept = loaded.rows_done
        self.imports[import_no] = loaded
        return True

    def edit(self, number: int, customer: str) -> None:
        if number in self.rows and self.rows[number].customer != customer:
            self.rows[number].customer, self.rows[number].changed_by = customer, STRANGER

    def delete(self, number: int) -> None:
        self.rows.pop(number, None)

    def delete_rows(self, import_no: int) -> None:
        mine = [number for number, row in self.rows.items() if row.place[0] == import_no]
        for number in mine:
            del self.rows[number]
        self.imports[import_no].rows_deleted += len(mine)
        self.imports[import_no].rows_kept = 0
        for other in self.imports.values():
            for place, image in other.images.items():
                image.consumed |= place[0] == import_no

    def count(self, import_no: int) -> None:
        """What another program deleted is known from here on."""
        self.imports[import_no].rows_kept = sum(row.place[0] == import_no for row in self.rows.values())

    def expect(self, import_no: int) -> Expected:
        """What a revert of an import finds."""
        loaded = self.imports[import_no]
        own = {number: row for number, row in self.rows.items() if row.place[0] == import_no}
        unchanged = [number for number, row in own.items() if row.changed_by is None]
        free = [number for number in unchanged if not self._is_imaged(own[number].place, import_no)]
        missing = loaded.rows_done - loaded.rows_deleted - len(own)
        by_place = {row.place: row for row in self.rows.values()}
        images = [place for place, image in loaded.images.items() if not image.consumed]
        restored = [place for place in images if place in by_place and by_place[place].changed_by == import_no]
        there = [place for place in images if place in by_place]
        left = len(own) - len(free) + len(there) - len(restored)
        return Expected(free, restored, left, missing, left + missing + len(images) - len(there))

    def revert(self, import_no: int, expected: Expected) -> None:
        loaded = self.imports[import_no]
        for number in expected.deleted:
            del self.rows[number]
        by_place = {row.place: row for row in self.rows.values()}
        for place in expected.restored:
            image = loaded.images[place]
            by_place[place].customer, by_place[place].changed_by = image.customer, image.changed_by
            image.consumed = True
        loaded.rows_deleted += len(expected.deleted) + expected.missing
        loaded.rows_kept = loaded.rows_done - loaded.rows_deleted
        loaded.reverted |= expected.left == 0

    def _is_imaged(self, place: Place, import_no: int) -> bool:
        return any(
            place in other.images and not other.images[place].consumed
            for number, other in self.imports.items()
            if number != import_no
        )
