"""The web server's entry: `gunicorn --config gunicorn.conf.py wsgi:app`."""

import gc

gc.disable()  # what is imported stays: looking for garbage in it takes a sixth of the start

from app import create_app  # noqa: E402
from app.config import read_settings  # noqa: E402

app = create_app(read_settings())
gc.freeze()
gc.enable()
