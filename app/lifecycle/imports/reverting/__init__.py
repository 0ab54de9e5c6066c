"""Reverting: a committed import is taken out of the table again, in a branch of its own."""
