"""The processes that work: Celery's load task and the sweeper."""
