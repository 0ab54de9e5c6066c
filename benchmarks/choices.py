"""What choices of the table's form cost: each beside the orders table as it is, loaded by the client."""

from benchmarks.figures import Figure, Goal, Report, Scale
from benchmarks.loads import load_with_client, make_peer, sample
from benchmarks.places import Place

CHOICES = {
    "the import's number as BIGINT": "ALTER TABLE {table} MODIFY import_no BIGINT UNSIGNED NOT NULL",
    "the import's id as CHAR(36) in each row's key": "ALTER TABLE {table} MODIFY import_no CHAR(36) NOT NULL",
    "without the unique key": "ALTER TABLE {table} DROP INDEX orders_key",
    "one secondary index more": "ALTER TABLE {table} ADD INDEX another (email)",
    "rows numbered by AUTO_INCREMENT, an index on the import": (
        "ALTER TABLE {table} DROP PRIMARY KEY, ADD COLUMN n BIGINT AUTO_INCREMENT PRIMARY KEY, ADD INDEX (import_no)"
    ),
}


def measure(place: Place, scale: Scale, report: Report) -> None:
    """In pairs."""
    path = sample(place, scale.rows)
    make_peer(place, "plain")
    for what, change in CHOICES.items():
        make_peer(place, "changed", change.format(table="changed"))
        ours, theirs = [], []
        for _ in range(max(1, scale.pairs // 2)):
            theirs.append(load_with_client(place, path, "plain"))
            ours.append(load_with_client(place, path, "changed"))
        report.add(Figure(place.name, what, "the table as it is", tuple(ours), tuple(theirs), Goal.PRICE))
    place.sql("DROP TABLE plain, changed")
