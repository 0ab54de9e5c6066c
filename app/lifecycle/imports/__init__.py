"""The life of an import: accepted, stopped, committed, rolled back, tried again."""
