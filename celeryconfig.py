"""The worker's entry: `celery -A celeryconfig worker`."""

from app.config import Settings
from app.tasks.load import create_worker

app = create_worker(Settings())
