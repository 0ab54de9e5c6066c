"""Validates values against a dataset's columns, row by row or vectorized."""
