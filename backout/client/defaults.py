"""Defaults of the client, in their own module so that they can be imported without httpx."""

DEFAULT_URL = "http://127.0.0.1:8000"
RETRY_TIMEOUT_SECONDS = 20.0
