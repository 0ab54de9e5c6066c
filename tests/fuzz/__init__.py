"""Random files against the readers, random requests against the web server: `make fuzz`."""
