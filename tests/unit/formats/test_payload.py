"""A column of a payload is the column of its rows, whatever stands beside it."""

from hypothesis import given, strategies as st

from app.formats.payload import payload_line, read_column, read_payload

texts = st.none() | st.text('a",\n\r\\N7ä\t', max_size=6) | st.sampled_from(["NULL", '"', '","'])
numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False).map(str)


@given(st.lists(st.tuples(texts, numbers, texts, numbers), max_size=6))
def test_a_column_is_read_alone(rows: list[tuple[str | None, ...]]) -> None:
    payload = "".join(payload_line(7 + 3 * at, values) for at, values in enumerate(rows)).encode()
    assert [values for _, values in read_payload(payload)] == rows
    for position in (1, 3):
        assert read_column(payload, position) == [row[position] for row in rows if row[position] is not None]
