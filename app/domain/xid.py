"""Names of transaction branches: installation, import, epoch and branch number.

gtrid and bqual have at most 64 bytes each (X/Open XA; MariaDB and MySQL enforce it). `formatID` and the prefix identify
branches of this program, the random id identifies this installation.
"""

import re
from dataclasses import dataclass

FORMAT_ID = 0x424B4F55  # "BKOU"
_GTRID = re.compile(rb"backout:([0-9a-f]{16}):([0-9]{1,10}):([0-9]{1,10})")
_BQUAL = re.compile(rb"[0-9]{1,3}")


@dataclass(frozen=True)
class RawXid:
    """A branch as the server lists it, of any program."""

    format_id: int
    gtrid: bytes
    bqual: bytes


@dataclass(frozen=True)
class Xid:
    """A branch of this program."""

    installation: str
    number: int
    epoch: int
    branch: int

    def raw(self) -> RawXid:
        """The name as the server stores it."""
        gtrid = f"backout:{self.installation}:{self.number}:{self.epoch}".encode()
        return RawXid(FORMAT_ID, gtrid, str(self.branch).encode())

    def lock_name(self) -> str:
        """The GET_LOCK name that the branch's owner holds (64 characters at most)."""
        return f"backout:{self.installation}:{self.number}:{self.epoch}:{self.branch}"


def parse_xid(raw: RawXid, installation: str) -> Xid | None:
    """The branch's name if it belongs to this installation. Else None: it is foreign and must not be touched."""
    gtrid, bqual = _GTRID.fullmatch(raw.gtrid), _BQUAL.fullmatch(raw.bqual)
    if raw.format_id != FORMAT_ID or gtrid is None or bqual is None or gtrid[1].decode() != installation:
        return None
    return Xid(installation, int(gtrid[2]), int(gtrid[3]), int(raw.bqual))
