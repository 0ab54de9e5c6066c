"""The handlings' worker's entry: `celery -A handlingconfig worker`."""

import gc

gc.disable()  # as in `celeryconfig`

from app.config import read_settings  # noqa: E402

read_settings(handling="true")  # before the import: ends with a sentence if the packages for it are missing

from app.tasks.handle import create_handler  # noqa: E402

app = create_handler(read_settings())
gc.freeze()
gc.enable()
