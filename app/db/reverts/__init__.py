"""Reverts in the database."""
