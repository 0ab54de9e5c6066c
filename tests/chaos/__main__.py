"""`python -m tests.chaos`: random faults for as long as asked; exit code 1 if a promise was broken."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from app.logs import configure_logs
from tests.chaos.run import run_chaos
from tests.crash.mutants import MUTANTS
from tests.servers import BROKERS, DATABASES


def main() -> int:
    """Run it; the exit code says whether all promises held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", default="", help="the same seed gives the same plan; a random one if it is empty")
    parser.add_argument("--database", choices=DATABASES, default="mariadb")
    parser.add_argument("--broker", choices=BROKERS, default="rabbitmq-3")
    parser.add_argument("--branches", type=int, default=1)
    parser.add_argument("--mutant", choices=MUTANTS, default="", help="break this rule: the verdict must notice")
    parser.add_argument("--keep", type=Path, help="a folder that gets the plan, the journal and the logs")
    given = parser.parse_args()
    seed = int(given.seed) if given.seed else random.SystemRandom().randrange(10**6)
    again = (
        f"python -m tests.chaos --minutes {given.minutes:g} --seed {seed} --database {given.database}"
        f" --broker {given.broker} --branches {given.branches}"
    ) + (f" --mutant '{given.mutant}'" if given.mutant else "")
    configure_logs("CRITICAL")  # of this process, which checks; the others have their files
    _tell(f"chaos: {again}")
    folder = Path(tempfile.mkdtemp(prefix="backout-chaos-"))
    folder.chmod(0o755)  # the servers run under accounts of their own
    try:
        servers = (given.database, given.broker, given.branches)
        outcome = run_chaos(folder, seed, given.minutes * 60, *servers, mutant=given.mutant, tell=_tell)
        _tell(outcome.table())
        for explanation in outcome.explanations:
            _tell(explanation)
        if outcome.explanations:
            _tell(f"{len(outcome.explanations)} violation(s). Again: {again}")
        return 1 if outcome.explanations else 0
    finally:
        if given.keep:
            for path in (*folder.glob("*.jsonl"), *folder.glob("processes/*.log*")):
                given.keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, given.keep)
        shutil.rmtree(folder, ignore_errors=True)


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 — a command line prints


if __name__ == "__main__":
    sys.exit(main())
