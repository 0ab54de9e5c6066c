"""What was written into a CSV file is what is read out of it, whatever its dialect and its extras."""

import json
from typing import Any

from hypothesis import assume, given, strategies as st

from app.domain.errors import ImportFailed
from tests.unit.formats.every_way import Outcome, dataset_of, drawn, read_fast_and_slowly

ROWS = 8
TEXT = {"name": "c", "type": "text", "length": 200, "nullable": True, "empty": True}
NOTE = TEXT | {"name": "note"}
DELIMITERS = [",", ";", "\t", "|", "\x1f", "\x01"]
BLANKS = ["", " ", "\u00a0", "\u202f", " \u00a0 "]
letters = st.sampled_from([*"abÄz019 .:=#-_大", "\u00a0", "NULL", "\\N"])
words = st.lists(letters, min_size=1, max_size=6).map("".join)
apostrophes = st.text("'ab", min_size=1, max_size=4)
Pairs = list[tuple[str, str]]
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=ROWS)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def field(text: str, delimiter: str, always: bool = False) -> str:
    return quoted(text) if always or delimiter in text or '"' in text else text


def file_of(rows: list[list[str]], delimiter: str, names: tuple[str, ...] = ("row", "c", "note")) -> str:
    return "".join(delimiter.join(row) + "\n" for row in [list(names), *rows])


def read(text: str, *columns: dict[str, Any], **said: str) -> list[tuple[Outcome, ...]]:
    return read_fast_and_slowly(text.encode(), dataset_of(*(columns or (TEXT, NOTE))), **said)


@drawn(100)
@given(st.lists(st.tuples(apostrophes, apostrophes), min_size=1, max_size=ROWS), st.sampled_from(DELIMITERS))
def test_apostrophes_are_quotes_only_if_they_enclose_all_fields_that_begin_so(texts: Pairs, delimiter: str) -> None:
    """Two fields, or lines, may look like one in such quotes: then a row is refused, which fails an import."""
    begun = [text for pair in texts for text in pair if text.startswith("'")]
    assume(not begun or any(len(text) == 1 or not text.endswith("'") for text in begun))
    rows = [[str(at), *pair] for at, pair in enumerate(texts)]
    try:
        found = read(file_of(rows, delimiter))
    except ImportFailed:
        return
    assert found == texts or any("!" in str(row[0]) for row in found)


digits = st.text("0123456789", min_size=1, max_size=40)


@drawn(100)
@given(
    st.lists(st.tuples(digits, words, st.booleans(), st.booleans()), min_size=1, max_size=ROWS),
    st.sampled_from(DELIMITERS),
)
def test_digits_in_a_formula_are_a_text(cases: list[Any], delimiter: str) -> None:
    rows = []
    for at, (text, note, is_quoted, is_last) in enumerate(cases):
        formula = quoted(f'="{text}"') if is_quoted else f'="{text}"'
        rows.append([str(at), *([quoted(note), formula] if is_last else [formula, quoted(note)])])
    found = read(file_of(rows, delimiter))
    assert found == [(note, text) if is_last else (text, note) for text, note, _, is_last in cases]


@drawn(60)
@given(st.lists(words, min_size=1, max_size=ROWS), st.sampled_from(DELIMITERS))
def test_other_formulas_are_texts_as_they_are(texts: list[str], delimiter: str) -> None:
    formulas = [f'="{text}"' for text in texts if not (text.isascii() and text.isdigit())]
    assume(formulas)
    found = read(file_of([[str(at), quoted(text), "x"] for at, text in enumerate(formulas)], delimiter))
    assert found == [(text, "x") for text in formulas]
    digits_only = file_of([["1", '="007"', "x"]], delimiter)
    assert read(digits_only, quote="none", delimiter=delimiter) == [('="007"', "x")]


TRIMMED = " \t\u00a0\u2007\u2009\u202f"


@drawn(100)
@given(
    pairs,
    st.sampled_from([",", ";", "|"]),
    st.tuples(*[st.integers(0, 3)] * 3),
    st.booleans(),
    st.booleans(),
)
def test_trim_removes_blanks_around_fields_and_nothing_else(
    texts: Pairs, delimiter: str, spaces: tuple[int, ...], quote: bool, trim: bool
) -> None:
    before, after, inside = (" " * size for size in spaces)
    rows, expected = [], []
    for at, (text, note) in enumerate(texts):
        kept = f"{inside}{text}{inside}" if quote else text
        c = f"{before}{quoted(kept)}{after}" if quote and trim else before + field(kept, delimiter) + after
        if quote and not trim:
            c = quoted(before + kept + after)
        rows.append([str(at), c, f"{before}{note}{after}"])
        shown = (kept if quote else text.strip(TRIMMED)) if trim else before + kept + after
        shown_note = note.strip(TRIMMED) if trim else before + note + after
        expected.append((shown if shown or quote else None, shown_note or None))
    assert read(file_of(rows, delimiter), trim=str(trim).lower(), delimiter=delimiter) == expected


@drawn(100)
@given(
    pairs,
    st.sampled_from(["#", "//", "--", "%"]),
    st.lists(st.integers(0, ROWS), max_size=4),
    st.sampled_from(DELIMITERS),
)
def test_comments_are_skipped_and_no_other_line(texts: Pairs, comment: str, places: list[int], delimiter: str) -> None:
    kept = [(text, note) for text, note in texts if not text.startswith(comment)]
    assume(kept)
    names = ("c", "row", "note")
    rows = [[text, str(at), note] for at, (text, note) in enumerate(texts)]
    lines = file_of(rows, delimiter, names).splitlines()
    for place in sorted(places, reverse=True):
        lines.insert(1 + min(place, len(rows)), f"{comment} {delimiter} said")
    found = read("\n".join(lines) + "\n", comment=comment, delimiter=delimiter, header="true")
    assert found == kept


@drawn(100)
@given(pairs, st.sampled_from([*DELIMITERS, "^", "~", ":", "||", ";;", "¦"]), st.booleans(), st.booleans())
def test_a_first_line_names_the_delimiter(texts: Pairs, delimiter: str, quote: bool, crlf: bool) -> None:
    told = f"sep={delimiter}"
    rows = [[str(at), quoted(text), quoted(note)] for at, (text, note) in enumerate(texts)]
    text = f"{quoted(told) if quote else told}\n{file_of(rows, delimiter)}"
    assert read(text.replace("\n", "\r\n") if crlf else text) == texts


@drawn(100)
@given(pairs, st.sampled_from(["NULL", "\\N", "n/a", "-"]), st.lists(st.booleans(), min_size=ROWS, max_size=ROWS))
def test_a_null_text_is_no_value_unless_it_is_quoted(texts: Pairs, null: str, quotes: list[bool]) -> None:
    texts = [(null, "x"), *((null if at % 2 else text, null) for at, (text, _) in enumerate(texts))]
    quotes = [False, *quotes]
    rows = [[str(at), field(text, ";", quotes[at]), "NULL" if at else "x"] for at, (text, _) in enumerate(texts)]
    found = read(file_of(rows, ";"), null=null, delimiter=";")
    for (text, _), is_quoted, (value, note) in zip(texts, quotes, found, strict=False):
        assert value == (None if text == null and not is_quoted else text)
        assert note == (None if null == "NULL" and (text, note) != (null, "x") else note)


NAMES = ["unit price", "Straße", "Preis", "É"]


@drawn(100)
@given(st.permutations(NAMES), st.data(), st.sampled_from(DELIMITERS))
def test_names_match_whatever_their_capitals_and_blanks(names: list[str], data: st.DataObject, delimiter: str) -> None:
    columns = [TEXT | {"name": name} for name in NAMES]
    written = []
    for name in ["row", *names]:
        other = data.draw(st.sampled_from([name, name.upper(), name.lower(), name.title()]))
        other = other.replace(" ", data.draw(st.sampled_from(BLANKS[1:4])))
        written.append(data.draw(st.sampled_from(BLANKS)) + other + data.draw(st.sampled_from(BLANKS)))
    expected = [tuple(NAMES)]
    assert read(file_of([["1", *names]], delimiter, tuple(written)), *columns, delimiter=delimiter) == expected
    line = json.dumps(dict(zip(written, ["1", *names], strict=True)))
    assert read(line, *columns) == expected
