"""Erase a person: rows, images, files and texts, a bounded step at a time."""
