"""Random files against the readers: `make fuzz`."""
