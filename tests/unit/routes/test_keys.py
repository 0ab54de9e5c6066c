"""The key file: names, lengths, and what happens when it changes while the server runs."""

import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from app.routes.access import keys
from app.routes.access.keys import KeyFile, read_keys

ALICE, BOB = "alice-0123456789abcdef", "bob-0123456789-abcdef"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_blanks_are_no_part_of_a_key_or_a_name(path: Path) -> None:
    path.write_text(f" alice : {ALICE} \n\n# none\n{BOB}\n")
    assert read_keys(path)[ALICE] == "alice"
    path.write_text("name:            short\n")
    with pytest.raises(ValueError, match="line 1: a key has at least 16"):
        read_keys(path)


def test_a_key_without_a_name_keeps_its_name_wherever_it_stands(path: Path) -> None:
    path.write_text(f"{BOB}\n")
    name = read_keys(path)[BOB]
    assert re.fullmatch("key-[0-9a-f]{8}", name)
    path.write_text(f"# more\nalice:{ALICE}\n\n{BOB}\n")
    assert read_keys(path) == {ALICE: "alice", BOB: name}


def test_a_key_has_one_name_and_a_name_may_have_two_keys(path: Path) -> None:
    path.write_text(f"alice:{ALICE}\nalice:{BOB}\nalice:{ALICE}\n")
    assert set(read_keys(path).values()) == {"alice"}
    path.write_text(f"alice:{ALICE}\nbob:{ALICE}\n")
    with pytest.raises(ValueError, match="line 2: alice has the same key as bob") as refused:
        read_keys(path)
    assert ALICE not in str(refused.value)


def test_a_file_that_changes_is_read_again_and_a_broken_one_is_not_used(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, log = [0.0], MagicMock()
    monkeypatch.setattr(keys, "log", log)
    monkeypatch.setattr(keys, "monotonic", lambda: now[0])
    path.write_text(f"alice:{ALICE}\n")
    file = KeyFile(path)
    path.write_text(f"bob:{BOB}\n")
    now[0] = 0.9
    assert file.find_client(BOB) is None and file.find_client(ALICE) == "alice"
    now[0] = 1.1
    assert file.find_client(BOB) == "bob" and file.find_client(ALICE) is None
    for broken in ("short\n", "", None):
        path.unlink() if broken is None else path.write_text(broken)
        for _ in range(3):
            now[0] += 1.1
            assert file.find_client(BOB) == "bob"
    assert [call.args for call in log.error.call_args_list] == [("keys_not_read",)] * 3  # once for each mistake
    path.write_text(f"alice:{ALICE}\n")
    now[0] += 1.1
    assert file.find_client(ALICE) == "alice" and file.find_client(BOB) is None
