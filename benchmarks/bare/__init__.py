"""The simplest programs that do what ours do, without a promise."""
