"""The web server's entry: `gunicorn --config gunicorn.conf.py wsgi:app`."""

from app import create_app
from app.config import read_settings

app = create_app(read_settings())
