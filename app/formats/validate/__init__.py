"""Values checked against a dataset's columns, row by row or vectorized."""
