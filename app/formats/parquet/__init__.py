"""Parquet: its footer, its pages, its columns as texts."""
