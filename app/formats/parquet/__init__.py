"""Parquet: footer, pages, columns as texts."""
