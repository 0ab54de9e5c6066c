"""A dataset of parts, and files for it."""

from typing import Any

from app.db.datasets import tables
from app.domain.dataset import Dataset
from app.lifecycle.services import Services
from tests.uploads import accept_file

PARTS = {
    "name": "parts",
    "columns": [
        {"name": "sku", "type": "text", "length": 40},
        {"name": "mail", "type": "email"},
        {"name": "stock", "type": "integer", "minimum": 0, "maximum": 2**64 - 1},
        {"name": "price", "type": "decimal", "precision": 20, "scale": 4},
        {"name": "currency", "type": "currency"},
        {"name": "kind", "type": "enum", "choices": ["nut", "bolt"]},
        {"name": "at", "type": "datetime"},
    ],
    "key": ["sku"],
}
HEADER = "sku,mail,stock,price,currency,kind,at\n"


def line(sku: str) -> str:
    return f"{sku},a@b.c,18446744073709551615,1234567890123456.7891,EUR,nut,2026-01-02 03:04:05\n"


def send(services: Services, dataset: Dataset, text: str, **options: str) -> int:
    return accept_file(services, dataset, text.encode(), **options).row.number


def table_of(services: Services, name: str) -> list[Any]:
    with services.database.begin() as connection:
        return list(connection.exec_driver_sql(f"SELECT * FROM {tables.quote(name).replace('%', '%%')}").all())


def comment(services: Services, name: str) -> str | None:
    with services.database.begin() as connection:
        return tables.find_comment(connection, name)


ODD_NAMES = ["order", "select", "a b", "%s", "100%", "`", "it's", '"', "\\N", "größe", "数", "a.b", "x" * 64]
