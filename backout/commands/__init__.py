"""The command line `backout`: imports files over HTTP. It imports nothing of the server."""
