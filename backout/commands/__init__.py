"""`backout`: the commands for whoever imports files, over HTTP. Nothing of the server is imported here."""
