"""How fast a stop is answered: `python -m benchmarks.stop [mariadb|mysql]`.

Two imports run on the two slots and six more wait; all are stopped, those that wait first, again and again.
"""

import argparse
from pathlib import Path
from time import perf_counter

from benchmarks.places import open_place
from tests.stack import Stack, wait_for

SLOTS, WAITING = 2, 6


def main() -> None:
    """Measure and print the percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", nargs="?", default="mariadb", choices=["mariadb", "mysql"])
    parser.add_argument("--mysqld", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    with open_place(asked.database, asked.mysqld) as place:
        stack = place.stack("stop")
        taken: list[float] = []
        for _ in range(asked.rounds):
            taken += one_round(stack)
        stack.kill()
    taken.sort()
    p50, p99 = (1000 * taken[min(int(len(taken) * share), len(taken) - 1)] for share in (0.5, 0.99))
    slowest = 1000 * taken[-1]
    print(f"{asked.database}: {len(taken)} stops, p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {slowest:.0f} ms")


def one_round(stack: Stack) -> list[float]:
    """Seconds that each of eight stops took."""
    ids = [stack.get("/insert/5000000").json()["task_id"] for _ in range(SLOTS + WAITING)]
    for id in ids[:SLOTS]:
        stack.wait_rows(id)
    taken = []
    for id in reversed(ids):
        begun = perf_counter()
        answer = stack.post(f"/stop/{id}")
        taken.append(perf_counter() - begun)
        assert answer.status_code == 200, answer.text
    wait_for(lambda: not stack.get("/v1/imports?state=stopping,running,queued").json()["imports"], 120)
    return taken


if __name__ == "__main__":
    main()
