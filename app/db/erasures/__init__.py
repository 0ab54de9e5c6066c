"""What the database keeps of a person: found, counted and erased."""
