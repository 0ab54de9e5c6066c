"""Backout's client and command line."""
