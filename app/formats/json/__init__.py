"""JSON: one array of objects, or one object on each line (NDJSON)."""
