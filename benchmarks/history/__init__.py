"""Beside a long history."""
