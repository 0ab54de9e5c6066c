"""Generates orders."""
