"""Infers a dataset from a sample of a file."""
