"""The bytes of a file: decompressed, decoded, cut into blocks of whole records."""
