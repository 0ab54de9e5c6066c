"""Datasets: create and drop them, count and delete their rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from backout.client.models import (
    Dataset,
    read_dataset,
)
from backout.client.paths import dataset_path
from backout.client.transport import Transport


class DatasetMethods:
    """What a client does with tables."""

    _transport: Transport

    def count(self, dataset: str = "orders", *, import_id: str | None = None) -> int:
        """Count the visible rows of a dataset: those of committed imports.

        Args:
            dataset: the dataset's name.
            import_id: count only the rows of this import.

        Returns:
            The number of rows.

        Raises:
            NotFound: there is no such dataset or import.

        Example:
            >>> client.count("orders", import_id=accepted.id)
            1000
        """
        params = {} if import_id is None else {"import": import_id}
        return int(self._transport.ask("GET", f"{dataset_path(dataset)}/rows/count", params=params)["count"])

    def delete_rows(self, dataset: str = "orders", *, import_id: str | None = None, confirm_all: bool = False) -> int:
        """Delete the rows of one import, or every row of a dataset. It is not retried after a lost answer.

        Args:
            dataset: the dataset's name.
            import_id: delete the rows of this import.
            confirm_all: delete every row. Give either this or `import_id`.

        Returns:
            How many rows were deleted.

        Raises:
            NotAllowed: imports of the dataset are queued or running, or some of the rows are orders in a handling.
            NotFound: there is no such dataset or import.
            ValueError: neither or both of `import_id` and `confirm_all` are given.

        Example:
            >>> client.delete_rows("orders", import_id=accepted.id)
            1000
        """
        if (import_id is None) is not confirm_all:
            raise ValueError("give either import_id or confirm_all=True")
        params = {"confirm": dataset} if import_id is None else {"import": import_id}
        deleted = self._transport.ask("DELETE", f"{dataset_path(dataset)}/rows", params=params, repeatable=False)
        return int(deleted["rows_deleted"])

    def datasets(self) -> list[Dataset]:
        """List the datasets.

        Returns:
            All datasets with their columns.

        Example:
            >>> [dataset.name for dataset in client.datasets()]
            ['orders']
        """
        return [read_dataset(found) for found in self._transport.ask("GET", "/v1/datasets")["datasets"]]

    def describe_dataset(self, name: str) -> Dataset:
        """Get one dataset.

        Args:
            name: the dataset's name.

        Returns:
            The dataset with its columns.

        Raises:
            NotFound: there is no such dataset.

        Example:
            >>> [column["name"] for column in client.describe_dataset("orders").columns]
        """
        return read_dataset(self._transport.ask("GET", dataset_path(name)))

    def create_dataset(self, name: str, columns: Sequence[Mapping[str, Any]], **more: Any) -> Dataset:
        """Create a dataset, and its table. It is not retried after a lost answer.

        Args:
            name: the name of dataset and table.
            columns: the definitions of the columns, as in docs/reference/datasets.md.
            more: other members of the definition, such as `key`, the list of columns that are unique together.

        Returns:
            The new dataset.

        Raises:
            InvalidRequest: the definition is invalid; `fields` lists the reasons.
            NotAllowed: a dataset or table of this name exists already.

        Example:
            >>> columns = [{"name": "sku", "type": "text", "length": 64}, {"name": "price", "type": "decimal",
            ...            "precision": 10, "scale": 2}]
            >>> client.create_dataset("parts", columns, key=["sku"]).name
            'parts'
        """
        document = {"name": name, "columns": [dict(column) for column in columns], **more}
        return read_dataset(self._transport.ask("POST", "/v1/datasets", json=document, repeatable=False))

    def adopt_dataset(self, name: str) -> Dataset:
        """Make a dataset of an existing table, so that imports can append to it. Not retried after a lost answer.

        Args:
            name: the table's name.

        Returns:
            The new dataset, with columns by the table's definition.

        Raises:
            InvalidRequest: there is no such table, or it can't be adopted; `fields` lists the reasons.
            NotAllowed: a dataset of this name exists already.

        Example:
            >>> client.adopt_dataset("customers").columns
        """
        document = {"name": name, "adopt": True}
        return read_dataset(self._transport.ask("POST", "/v1/datasets", json=document, repeatable=False))

    def drop_dataset(self, name: str) -> None:
        """Drop a dataset with all of its rows. An adopted table stays. It is not retried after a lost answer.

        Args:
            name: the dataset's name.

        Raises:
            NotAllowed: imports of the dataset are queued or running, or the dataset is built in.
            NotFound: there is no such dataset.

        Example:
            >>> client.drop_dataset("parts")
        """
        params = {"confirm": name}
        with self._transport.stream("DELETE", dataset_path(name), params=params, repeatable=False):
            pass
