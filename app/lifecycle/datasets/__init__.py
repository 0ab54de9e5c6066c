"""Datasets: created, adopted, dropped, listed; their rows read and deleted."""
