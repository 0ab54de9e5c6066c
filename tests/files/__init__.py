"""Files that several tests make or read."""
