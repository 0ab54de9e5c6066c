"""Fuzz for so many minutes: `python -m tests.fuzz [--minutes 10] [FILE …]`. Half of them is for requests to the web
server (see `running`), half for the readers, with atheris.

A file that breaks them is written to the folder `crash-…` below; given as FILE it is tried again.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.formats", "app.domain"]):
    from tests.fuzz.reading import check
    from tests.fuzz.seeds import seeds

MAX_BYTES = 4096


def main() -> None:
    """Fuzz, and say how many files came to what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="backout-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    for path in asked.files:
        print(path, check(path.read_bytes(), folder))
    if asked.files:
        return
    half = asked.minutes / 2
    subprocess.run([sys.executable, "-m", "tests.fuzz.running", "--minutes", str(half)], check=True)
    corpus = folder / "corpus"
    corpus.mkdir()
    for at, seed in enumerate(seeds()):
        (corpus / f"seed-{at}").write_bytes(seed)
    counts: Counter[str] = Counter()

    def target(data: bytes) -> None:
        counts[check(data, folder)] += 1
        if sum(counts.values()) % 10_000 == 0:
            print(f"{sum(counts.values()):,} files: {dict(counts)}", flush=True)

    limits = [
        f"-max_total_time={int(half * 60)}",
        f"-max_len={MAX_BYTES}",
        "-timeout=20",
        "-rss_limit_mb=3000",
    ]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
