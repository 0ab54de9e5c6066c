"""The handlings' worker's entry: `celery -A handlingconfig worker`."""

from app.config import read_settings
from app.tasks.handle import create_handler

app = create_handler(read_settings())
