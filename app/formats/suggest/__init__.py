"""Suggests which of a file's columns are which of a dataset's."""
