"""Cells and places: what is done when, and where."""

from dataclasses import dataclass

from tests.crash.failpoints import FAILPOINTS
from tests.crash.subjects.revert import CASCADE, RETURN

BATCH_BYTES = 48 * 1024  # some six batches


@dataclass(frozen=True)
class Cell:
    """One fault at one failpoint, of an import or of a kind of revert."""

    failpoint: str
    fault: str
    of: str = "import"

    @property
    def name(self) -> str:
        return f"{self.fault} @ {self.failpoint}" + ("" if self.of == "import" else f" of a {self.of}")


@dataclass(frozen=True)
class Place:
    """Where cells run: which servers, how many branches, and with which leases."""

    database: str
    branches: int = 1
    binary_log: bool = False
    as_shipped: bool = False

    @property
    def name(self) -> str:
        parts = [self.database, "log-bin" if self.binary_log else "no-log", f"{self.branches}-branch"]
        return " ".join([*parts, "shipped"] if self.as_shipped else parts)

    @property
    def broker(self) -> str:
        return "rabbitmq-4" if self.binary_log else "rabbitmq-3"

    @property
    def settings(self) -> dict[str, object]:
        """Short leases, unless they are to be as shipped."""
        settings: dict[str, object] = {
            "branches": self.branches,
            "batch_bytes": BATCH_BYTES,
            "worker_slots": 1,
            "small_import_slots": 0,
        }
        if not self.as_shipped:
            return settings | {
                "lease_seconds": 2,
                "lock_wait_seconds": 1,
                "sweep_seconds": 0.3,
                "shutdown_grace_seconds": 0.5,
            }
        shipped = ("lease_seconds", "lock_wait_seconds", "sweep_seconds")
        return settings | dict.fromkeys(shipped)


MATRIX = (
    Place("mysql", branches=1, binary_log=True),
    Place("mysql", branches=2, binary_log=True),
    Place("mariadb", branches=1),
    Place("mariadb", branches=2),
    Place("mariadb", branches=1, binary_log=True),
    Place("mariadb", branches=2, binary_log=True),
    Place("mysql", branches=2, binary_log=True, as_shipped=True),
    Place("mariadb", branches=1, binary_log=True, as_shipped=True),
)
MUTATED = (Place("mysql", branches=2, binary_log=True), Place("mariadb", branches=2))

# what `make test` runs of the matrix
REPRESENTATIVE = [
    *(Cell(failpoint, "kill -9 process") for failpoint in FAILPOINTS),
    Cell("half loaded", "kill -9 worker"),
    Cell("all prepared", "power cut"),
    Cell("one committed", "kill -9 database"),
    Cell("decided", "kill -9 broker"),
    Cell("half loaded", "SIGTERM worker"),
    Cell("all prepared", "SIGTERM worker"),
    Cell("half loaded", "SIGSTOP, SIGCONT worker"),
    Cell("decided", "SIGSTOP, SIGCONT worker"),
    Cell("deciding", "zombie beside the next"),
    Cell("all prepared", "network frozen"),
    Cell("all prepared", "slow worker"),
    Cell("all prepared", "stop"),
    Cell("decided", "stop"),
    Cell("all prepared", "kill -9 worker, stop"),
    Cell("all prepared", "stop, its kill lost"),
    Cell("all loaded", "stop, long undo"),
    Cell("half loaded", "pause"),
    Cell("decided", "branch rolled back by hand"),
    Cell("started", "answer to PREPARE lost"),
    Cell("started", "answer to decision's COMMIT lost"),
    Cell("started", "answer to XA COMMIT lost"),
    Cell("claimed", "1062 duplicate key"),
    Cell("claimed", "1205 lock wait timeout"),
    Cell("claimed", "1213 deadlock"),
    Cell("half loaded", "kill -9 process", "revert"),
    Cell("one prepared", "kill -9 database", "revert"),
    Cell("decided", "kill -9 worker", "revert"),
    Cell("one prepared", "stop", "revert"),
    Cell("deciding", "zombie beside the next", "revert"),
    Cell("dependents claimed", "kill -9 process", CASCADE),
    Cell("begun again", "stop, waited for", CASCADE),
    Cell("half loaded", "kill -9 process", RETURN),
]
