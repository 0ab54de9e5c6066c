"""Advice: which option would let a value in, and its exact spelling."""
