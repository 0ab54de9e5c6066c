"""The spool: where uploads wait for their import, and what belongs to them. A folder, or an object store."""

from app.config import Settings
from app.spool.folder import AUDIT, FIGURES, FIGURES_SECONDS, GENERATION, Spool
from app.spool.upload import Readable, Upload, is_full, part_of, space

__all__ = [
    "AUDIT",
    "FIGURES",
    "FIGURES_SECONDS",
    "GENERATION",
    "Readable",
    "Spool",
    "Upload",
    "is_full",
    "open_spool",
    "part_of",
    "space",
]


def open_spool(settings: Settings) -> Spool:
    """The spool that these settings name; nothing is connected to before it is used."""
    if settings.spool_url is None:
        return Spool(settings.spool_dir, settings.max_upload_bytes)
    from app.spool.object_store import ObjectSpool  # noqa: PLC0415 — its package is installed where it is used

    return ObjectSpool(settings.spool_dir, settings.max_upload_bytes, settings.spool_url)
