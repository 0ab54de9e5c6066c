"""The worker's entry: `celery -A celeryconfig worker`."""

from app.config import read_settings
from app.tasks.load import create_worker

app = create_worker(read_settings())
