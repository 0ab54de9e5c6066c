"""The worker's entry: `celery -A celeryconfig worker`."""

import gc

gc.disable()  # what is imported stays: looking for garbage in it takes a sixth of the start

from app.config import read_settings  # noqa: E402
from app.tasks.load import create_worker  # noqa: E402

app = create_worker(read_settings())
gc.freeze()
gc.enable()
