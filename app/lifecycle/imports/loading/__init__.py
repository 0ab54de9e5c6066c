"""One attempt of a worker: claim an import, read its file, load it into branches."""
