"""The spool in an object store that speaks S3. A folder of each machine has what is being written or read just now."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from fcntl import LOCK_EX, flock
from functools import cached_property
from io import BytesIO
from pathlib import Path
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from app.domain.errors import SpoolUnavailable
from app.domain.generation import Generation
from app.spool.folder import FIGURES, FIGURES_SECONDS, GENERATION, OURS, Spool, is_kept
from app.spool.upload import COPY_BYTES, PART, Upload, space

PART_BYTES = 8 * 1024**2  # of a large file: so much is sent at once
PARTS_AT_ONCE = 4
MOST_COPIED = 5 * 1000**3  # what S3 copies by one request
SCRATCH_SECONDS = 3600.0  # what a dead process left in the folder is deleted after so long without a write
GENERATION_SECONDS = 1.0  # the sweeper writes it every ten seconds
CLIENT: Any = {"connect_timeout": "2s", "timeout": "60s"}
RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}


class ObjectSpool(Spool):
    """Objects below the prefix of `url`, s3://bucket/prefix, by the AWS variables of the environment. `folder` is
    scratch: nothing in it is missed after a crash. All methods raise `SpoolUnavailable` where the store does not do
    what it is asked to."""

    grows = False

    def __init__(self, folder: Path, max_bytes: int, url: str) -> None:
        super().__init__(folder, max_bytes)
        self._url = url
        self._generations: dict[str, tuple[float, Generation | None]] = {}
        self._cleaned_at = float("-inf")

    @cached_property
    def _store(self) -> S3Store:
        # at its first use: its threads do not live on in a child
        place = urlsplit(self._url)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        given: Any = {"endpoint": endpoint} if endpoint else {}
        client = CLIENT | {"allow_http": bool(endpoint and endpoint.startswith("http://"))}
        prefix = place.path.strip("/") or None
        with _asking():
            return S3Store(place.netloc, prefix=prefix, client_options=client, retry_config=RETRY, **given)

    @contextmanager
    def receive(self, name: str, on_write: Callable[[], None]) -> Iterator[Upload]:
        self._clean_scratch()
        with space(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            upload = _ObjectUpload(self._store, self.path(name), self.max_bytes, on_write)
        try:
            yield upload
        finally:
            upload.close()

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        self._clean_scratch()
        with _asking():
            pieces = obstore.get(self._store, name).stream(min_chunk_size=COPY_BYTES)
        with space(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self.path(f"{OURS}{secrets.token_hex(8)}")
            file = path.open("xb")
        with file:
            try:
                flock(file, LOCK_EX)  # as long as it is read, it is not deleted for its age
                while (piece := _next(pieces)) is not None:
                    with space(self.folder):
                        file.write(piece)
                with space(self.folder):
                    file.flush()
                yield path
            finally:
                path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        with _asking():
            return bytes(obstore.get(self._store, name).bytes())

    def size(self, name: str) -> int:
        with _asking():
            return int(obstore.head(self._store, name)["size"])

    def exists(self, name: str) -> bool:
        with suppress(FileNotFoundError):
            return self.size(name) >= 0
        return False

    def list_names(self, folder: str) -> list[str]:
        with _asking():
            found = obstore.list_with_delimiter(self._store, f"{folder}/")
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return [path.rstrip("/").rpartition("/")[2] for path in paths]

    def keep(self, path: Path) -> None:
        with _asking():
            obstore.put(self._store, path.name, path, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        path.unlink()

    def hard_link(self, name: str, new_name: str) -> bool:
        try:
            if self.size(name) <= MOST_COPIED:
                with _asking():
                    obstore.copy(self._store, name, new_name)
                return True
            with _asking():
                writer = obstore.open_writer(self._store, new_name, buffer_size=PART_BYTES)
                for piece in obstore.get(self._store, name).stream(min_chunk_size=PART_BYTES):
                    writer.write(piece)
                writer.close()
        except FileNotFoundError:
            return False
        return True

    def delete(self, name: str) -> None:
        with _asking(), suppress(FileNotFoundError):
            obstore.delete(self._store, name)

    def find_problem(self) -> str | None:
        try:
            with _asking():
                next(iter(obstore.list(self._store, GENERATION, chunk_size=1)), None)
        except SpoolUnavailable as error:
            return error.detail
        return super().find_problem()

    def delete_temporary(self, seconds: float) -> list[str]:
        names = [name for name in self._list_old(seconds) if name.startswith(FIGURES) and not is_kept(name)]
        for name in names:
            self.delete(name)
        return names

    def write_whole(self, name: str, data: bytes, mode: int = 0o666, *, durable: bool = False) -> None:
        with _asking():
            obstore.put(self._store, name, data)

    def read_figures(self, installation: str) -> list[dict[str, Any]]:
        """As the folder's; none while the store does not answer."""
        found = []
        with suppress(SpoolUnavailable):  # `find_problem` says so
            for name, changed in self._list(f"{FIGURES}{installation}."):
                if changed >= time() - FIGURES_SECONDS:
                    with suppress(FileNotFoundError, ValueError):
                        found.append(dict(json.loads(self.read(name))))
        return found

    def read_generation(self, installation: str) -> Generation | None:
        """As the folder's, at most a second old. While the store does not answer, it is the last one that was read: an
        older one never freezes a ledger. Raises `SpoolUnavailable` where there was none."""
        until, kept = self._generations.get(installation, (0.0, None))
        if monotonic() < until:
            return kept
        try:
            found = json.loads(self.read(f"{GENERATION}{installation}"))
            kept = Generation(int(found["generation"]), int(found["last_number"]))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            return None
        except SpoolUnavailable:
            if kept is None:
                raise
        self._generations[installation] = monotonic() + GENERATION_SECONDS, kept
        return kept

    def write_generation(self, installation: str, generation: Generation) -> None:
        self._generations.pop(installation, None)
        kept = self.read_generation(installation)
        if kept is None or kept.generation < generation.generation:
            self.write_whole(f"{GENERATION}{installation}", json.dumps(asdict(generation)).encode())

    def _list(self, prefix: str | None = None) -> Iterator[tuple[str, float]]:
        # obstore's prefixes are whole folders, and ours has few objects beside its slips
        with _asking():
            for one in obstore.list_with_delimiter(self._store)["objects"]:
                if prefix is None or one["path"].startswith(prefix):
                    yield one["path"], one["last_modified"].timestamp()

    def _list_old(self, seconds: float) -> list[str]:
        oldest = time() - seconds
        return [name for name, changed in self._list() if changed < oldest]

    def _clean_scratch(self) -> None:
        """Delete what dead processes of this machine left."""
        if monotonic() < self._cleaned_at + SCRATCH_SECONDS:
            return
        self._cleaned_at = monotonic()
        scratch = Spool(self.folder, self.max_bytes)
        scratch.delete_temporary(SCRATCH_SECONDS)
        for name in scratch.list_untouched(SCRATCH_SECONDS):
            if name.endswith((PART, ".rejects")):
                scratch.delete_unused(name)


class _ObjectUpload(Upload):
    """One file on its way into the store, part by part as it comes; its head is examined in the folder."""

    def __init__(self, store: S3Store, target: Path, max_bytes: int, on_write: Callable[[], None]) -> None:
        super().__init__(target, max_bytes, on_write)
        self._store, self._name = store, target.name
        self._writer: Any = None
        self._head = BytesIO()

    def write(self, data: bytes) -> int:
        written = super().write(data)
        if self._writer is None:
            self._head.write(data)
            if self.bytes <= PART_BYTES:
                return written
            # no one sees it before its end, and its name is new: the import's id is drawn for each upload
            data = self._head.getvalue()
            self._head = BytesIO()
            with _asking():
                self._writer = obstore.open_writer(
                    self._store, self._name, buffer_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
        with _asking():
            self._writer.write(data)
        return written

    def commit(self) -> None:
        """Make the file durable under its name."""
        self.flush()
        with _asking():
            if self._writer is None:
                try:
                    obstore.put(self._store, self._name, self._head.getvalue(), mode="create")
                except AlreadyExistsError:  # of this very upload: its answer was lost, and it was sent again
                    if obstore.head(self._store, self._name)["size"] != self.bytes:
                        raise
            else:
                self._writer.close()
        self._writer = None

    def close(self) -> None:
        # a large file that was not committed leaves parts that no one sees: the bucket's lifecycle deletes them
        self._writer = None
        super().close()


def _next(pieces: Iterator[Any]) -> Any:
    with _asking():
        return next(pieces, None)


@contextmanager
def _asking() -> Iterator[None]:
    """Around what asks the store: raises FileNotFoundError where there is no such object, else `SpoolUnavailable`."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise _unavailable("there is no such bucket") from error
        raise
    except (BaseError, OSError) as error:
        raise _unavailable(_say(error)) from error


def _unavailable(reason: str) -> SpoolUnavailable:
    return SpoolUnavailable(
        f"the object store of the spool can't be used: {reason}; see BACKOUT_SPOOL_URL and the AWS variables"
    )


def _say(error: BaseException) -> str:
    """Without the store's own words: they quote addresses."""
    words = str(error)
    known = {
        "NoSuchBucket": "there is no such bucket",
        "403 Forbidden": "it refuses the credentials, or they lack a permission",
        "lacked the necessary privileges": "it refuses the credentials, or they lack a permission",
        "401 Unauthorized": "it refuses the credentials",
        "503 Service Unavailable": "it asks for fewer requests, or is overloaded",
        "429 Too Many": "it asks for fewer requests",
        "HTTP error": "it does not answer",
    }
    return next((told for part, told in known.items() if part in words), type(error).__name__)
