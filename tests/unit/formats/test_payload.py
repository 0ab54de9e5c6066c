"""A column of a payload is the column of its rows, whatever stands beside it."""

from hypothesis import given, strategies as st

from app.domain.dataset import Column, ColumnType, Dataset
from app.formats.payload import payload_line, read_column, read_lines, read_payload

texts = st.none() | st.text('a",\n\r\\N7ä\t', max_size=6) | st.sampled_from(["NULL", '"', '","'])
numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False).map(str)


@given(st.lists(st.tuples(texts, numbers, texts, numbers), max_size=6))
def test_a_column_is_read_alone(rows: list[tuple[str | None, ...]]) -> None:
    payload = "".join(payload_line(7 + 3 * at, values) for at, values in enumerate(rows)).encode()
    assert [values for _, values in read_payload(payload)] == rows
    for position in (1, 3):
        assert read_column(payload, position) == [row[position] for row in rows if row[position] is not None]


@given(st.lists(st.tuples(texts, st.text('a",\n7ä', max_size=6), texts, st.text('"b', max_size=3)), max_size=6))
def test_a_line_has_its_number_and_its_key(rows: list[tuple[str | None, ...]]) -> None:
    columns = tuple(Column(name, ColumnType.TEXT, length=6) for name in "abcd")
    lines = [payload_line(7 + 3 * at, values) for at, values in enumerate(rows)]
    found = list(read_lines("".join(lines).encode(), Dataset("few", columns, key=("d", "b"))))
    assert [line.number for line in found] == [7 + 3 * at for at in range(len(rows))]
    assert [line.key for line in found] == [(values[3], values[1]) for values in rows]
    assert [line.encode().decode() for line in found] == lines
