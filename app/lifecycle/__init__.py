"""The story of an import, a verb a file. Transaction boundaries are drawn here."""
