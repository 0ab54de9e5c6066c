"""A preview of a file: made, limited, serialized."""
