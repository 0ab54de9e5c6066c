"""The optional extension: orders that were imported are handled in bulk, in order, with history. Imports know
nothing of it. What is done here reaches other companies and can't be undone."""
