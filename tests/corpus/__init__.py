"""Files as people have them, each with what must come of it: `files/NAME` beside `files/NAME.json`."""
