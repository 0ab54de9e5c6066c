"""Defaults: what a client does where nothing is said; apart, because they must cost no import of httpx."""

DEFAULT_URL = "http://127.0.0.1:8000"
RETRY_TIMEOUT_SECONDS = 20.0
