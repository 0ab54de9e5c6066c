"""Suggestions: which of the file's columns that the dataset does not know may be which of its columns. A person
decides; nothing is loaded by a suggestion."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from app.formats.suggest.words import EXPORTS, SYNONYMS, words_of

try:
    from rapidfuzz import fuzz
except ImportError:  # an extra: without it names with typos get no suggestion
    fuzz = None  # type: ignore[assignment]

_MIN_SCORE = 90  # of 100: one letter of ten is wrong
_MIN_LETTERS = 6
_MIN_LEAD = 5  # before the next best
_EXPORT, _SAME, _SYNONYM, _ALIKE = 0, 1, 2, 1000  # ranks; the lowest wins

Words = tuple[str, ...]


@dataclass(frozen=True)
class Suggestion:
    """A column of the file that may be a column of the dataset, and a short reason."""

    name: str
    column: str
    reason: str


@dataclass(frozen=True)
class _Candidate:
    rank: int
    at: int  # in the file's unknown columns
    column: str
    reason: str


def suggest(names: Sequence[str], unknown: Sequence[str], wanted: Sequence[str]) -> list[Suggestion]:
    """Suggestions for `unknown` names of a file with these `names`; `wanted` are the dataset's columns that the file
    does not have yet. Each name and column occurs once at most: where two are equally good, neither is suggested."""
    export, called = _find_export(names)
    once = [name for name, times in Counter(names).items() if times == 1]
    unknown = [name for name in dict.fromkeys(unknown) if name in once and words_of(name)]
    found = _choose(_exact_candidates(unknown, wanted, export, called))
    taken, given = {each.at for each in found}, {each.column for each in found}
    left = [at for at in range(len(unknown)) if at not in taken and called.get(unknown[at], "") is not None]
    found += _choose(_alike_candidates(unknown, left, [column for column in wanted if column not in given]))
    return [Suggestion(unknown[each.at], each.column, each.reason) for each in sorted(found, key=lambda each: each.at)]


def _find_export(names: Sequence[str]) -> tuple[str, Mapping[str, str | None]]:
    """Which shop's export it is by its names, and what some of them mean there."""
    present = set(names)
    found = [(shop, called) for shop, typical, called in EXPORTS if present.issuperset(typical)]
    return found[0] if found else ("", {})


def _exact_candidates(
    unknown: Sequence[str], wanted: Sequence[str], export: str, called: Mapping[str, str | None]
) -> list[_Candidate]:
    found = []
    for at, name in enumerate(unknown):
        concept = called.get(name, name)
        if concept is None:
            continue
        words = words_of(concept)
        for column in wanted:
            position = 0 if words == words_of(column) else _position(words, words_of(column))
            if position is None:
                continue
            if name in called:
                found.append(_Candidate(_EXPORT, at, column, f"{export} calls it {name!r}"))
            elif words == words_of(column):
                found.append(_Candidate(_SAME, at, column, "the same words"))
            else:
                found.append(_Candidate(_SYNONYM + position, at, column, "another word for it"))
    return found


@cache
def _groups() -> list[list[Words]]:
    return [[words_of(name) for name in group] for group in SYNONYMS]


@lru_cache(maxsize=10_000)
def _position(words: Words, own: Words) -> int | None:
    """How sure it is that these are words for a column that is called `own`: 0 is the surest, None that they are not
    known to be."""
    for group in _groups():
        if own in group and words in group:
            return group.index(words)
    return None


def _alike_candidates(unknown: Sequence[str], left: Sequence[int], wanted: Sequence[str]) -> list[_Candidate]:
    """Names that are nearly those of a column, or of its synonyms."""
    if fuzz is None:
        return []
    found = []
    for at in left:
        text = "".join(words_of(unknown[at]))
        scores = sorted(((_score(text, column), column) for column in wanted), reverse=True)
        if len(text) < _MIN_LETTERS or not scores or scores[0][0] < _MIN_SCORE:
            continue
        score, column = scores[0]
        if len(scores) == 1 or score - scores[1][0] >= _MIN_LEAD:
            found.append(_Candidate(_ALIKE + 100 - int(score), at, column, "the names are alike"))
    return found


def _score(text: str, column: str) -> float:
    own = words_of(column)
    forms = {own, *(words for group in _groups() if own in group for words in group)}
    digits = [each for each in text if each.isdigit()]
    joined = ("".join(words) for words in forms)
    return max(
        (fuzz.ratio(text, form) for form in joined if digits == [each for each in form if each.isdigit()]), default=0.0
    )


def _choose(candidates: list[_Candidate]) -> list[_Candidate]:
    """The best of each column and each name; none where two are equally good."""
    best_of_column: dict[str, list[_Candidate]] = {}
    best_of_name: dict[int, list[_Candidate]] = {}
    for each in candidates:
        _keep_best(best_of_column.setdefault(each.column, []), each)
        _keep_best(best_of_name.setdefault(each.at, []), each)
    return [found[0] for found in best_of_column.values() if len(found) == 1 and best_of_name[found[0].at] == found]


def _keep_best(best: list[_Candidate], each: _Candidate) -> None:
    if best and each.rank < best[0].rank:
        best.clear()
    if not best or each.rank == best[0].rank:
        best.append(each)
