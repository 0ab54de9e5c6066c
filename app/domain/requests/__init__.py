"""What a client requests for the rows of an import."""
