"""Generated orders."""
