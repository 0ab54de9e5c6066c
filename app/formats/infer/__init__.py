"""A dataset inferred from a sample of a file."""
