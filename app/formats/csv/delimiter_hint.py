"""Delimiters for messages: what else may separate the fields of a header that does not fit the dataset."""

import re
from collections.abc import Sequence

from app.domain.dataset import Dataset
from app.domain.errors import ImportFailed
from app.domain.file_format import FileFormat
from app.formats.column_names import find_columns
from app.formats.errors import excerpt

OTHER_DELIMITER = "other_delimiter"  # the code of the error
_BETWEEN = re.compile(r"[^\w\s\"']{1,8}| +|\t")
_MAX_CHARACTERS = 2000
_DRAWN = re.compile(r"[+|]?[-+=: |]*[-=]{3}[-+=: |]*")


def check_delimiter(names: Sequence[str], file_format: FileFormat, dataset: Dataset, line: int) -> None:
    """Raises ImportFailed (other_delimiter) if another delimiter would split the header into names of which more are
    known. `names` are those of a header with unknown names; nothing is ever read with the other delimiter."""
    header = file_format.delimiter.join(names)[:_MAX_CHARACTERS]
    if _DRAWN.fullmatch(header.strip()):
        raise _failure("the first line is a part of a table that was drawn for people", _AS_CSV, line, header)
    columns = file_format.columns if isinstance(file_format.columns, dict) else None

    def count_known(delimiter: str) -> int:
        found = find_columns([name.strip() for name in header.split(delimiter)], columns, dataset, all_needed=False)
        unknown = sum(to is not None and to not in dataset.column_names for to in found.targets)
        return len(set(found.targets) & set(dataset.column_names)) - unknown

    most, best = max(count_known(file_format.delimiter), 1), None
    for delimiter in _candidates(header, file_format):
        if (known := count_known(delimiter)) > most:
            most, best = known, delimiter
    if best is None:
        return
    what = f"the names of the header are separated by something else than {file_format.delimiter!r}"
    if best[0] == " " and len(best) > 1:
        raise _failure(what, "columns of a fixed width are not read: export the file with a delimiter", line, header)
    raise _failure(what, f"set {_option(best)}", line, header)


def delimiter_note(names: Sequence[str], file_format: FileFormat) -> str:
    """What else may be wrong with a header that has an unknown name or none that is known; a sentence, or nothing."""
    if file_format.delimiter == "|" and len(names) > 2 and names[0] == names[-1] == "":
        return f". If the table was drawn for people, {_AS_CSV}"
    if "" in names[1:-1]:
        twice = file_format.delimiter * 2
        return f". If {twice!r} is between the fields, set {_option(twice)}" if len(twice) <= 8 else ""
    if len(names) > 1:
        return ""
    found = [each for each in _candidates(names[0], file_format) if len(each.strip()) > 0]
    how = f" {_option(found[0])}" if len(found) == 1 else ""
    between = f"{found[0]!r}" if how else f"something else than {file_format.delimiter!r}"
    return f". If {between} is between the fields, set{how or ' delimiter'}"


_AS_CSV = "export it as CSV, or with `mysql --batch` instead of `mysql --table`"


def _candidates(header: str, file_format: FileFormat) -> list[str]:
    """What stands between words, but not the delimiter several times: fields may have no name."""
    found = set(_BETWEEN.findall(header))
    return sorted((each for each in found if each.strip(file_format.delimiter)), key=lambda each: (len(each), each))


def _option(delimiter: str) -> str:
    return f"delimiter={ {' ': 'space', chr(9): 'tab'}.get(delimiter, delimiter) }"


def _failure(what: str, how: str, line: int, header: str) -> ImportFailed:
    return ImportFailed(OTHER_DELIMITER, f"{what}: {how}", line=line, value=excerpt(header))
