"""Access in the database: tokens, browsers' sessions, and whose an import is."""
