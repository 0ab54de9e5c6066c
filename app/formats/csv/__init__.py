"""CSV: its dialect found, its records parsed."""
