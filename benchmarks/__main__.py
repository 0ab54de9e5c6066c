"""`make bench`: everything that is promised about speed, measured beside peers in the same run.

`python -m benchmarks [--quick|--smoke] [--mysqld PATH] [--only loading,…] [--write]` measures on MariaDB, and on MySQL
where its server is given; with --write it writes benchmarks.md and benchmarks.svg into docs/internals/.
"""

import argparse
import os
import platform
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from benchmarks import answers, choices, counting, loading, scaling, small, stopping
from benchmarks.after_commit import reverting
from benchmarks.chart import draw
from benchmarks.figures import FULL, QUICK, SMOKE, Measure, Report
from benchmarks.history import growth
from benchmarks.places import open_place
from benchmarks.report import write

DOCS = Path(__file__).parent.parent / "docs" / "internals"
MEASURES: dict[str, Measure] = {
    "loading": loading.measure,
    "small": small.measure,
    "stopping": stopping.measure,
    "answers": answers.measure,
    "counting": counting.measure,
    "scaling": scaling.measure,
    "reverting": reverting.measure,
    "choices": choices.measure,
    "growth": growth.measure,
}


def main() -> None:
    """Measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="less of everything, in three minutes")
    size.add_argument("--smoke", action="store_true", help="only whether it works, not how fast")
    parser.add_argument("--mysqld", type=Path, help="MySQL's server, its client beside it")
    parser.add_argument("--only", default=",".join(MEASURES), help="some of " + ", ".join(MEASURES))
    parser.add_argument("--write", action="store_true", help="into docs/internals/")
    asked = parser.parse_args()
    report = Report(QUICK if asked.quick else SMOKE if asked.smoke else FULL)
    report.versions |= {"Python": platform.python_version(), "PyMySQL": version("pymysql"), "polars": version("polars")}
    report.versions["machine"] = f"{os.cpu_count()} × {_processor()}, {_memory_gigabytes()} GB"
    places = {"mariadb": None} | ({"mysql": asked.mysqld} if asked.mysqld else {})
    command = " ".join(["python -m benchmarks", *("PATH" if a.startswith("/") else a for a in sys.argv[1:])])
    with ExitStack() as closing:
        opened = [closing.enter_context(open_place(name, mysqld)) for name, mysqld in places.items()]
        report.versions |= {place.name: place.sql("SELECT VERSION()") for place in opened}
        for measure in asked.only.split(","):
            for place in opened:
                MEASURES[measure](place, report.scale, report)
            if asked.write:  # each time: an hour's figures are not to be lost with the last one
                (DOCS / "benchmarks.md").write_text(write(report, command), encoding="utf-8")
                (DOCS / "benchmarks.svg").write_text(draw(report), encoding="utf-8")
    missed = [figure for figure in report.figures if figure.reached is False]
    print(f"{len(report.figures)} figures, {len(missed)} of them below their target")


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return text.partition("model name")[2].partition(":")[2].partition("\n")[0].strip() or platform.machine()


def _memory_gigabytes() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3)


if __name__ == "__main__":
    main()
