"""What an import is, and what may happen to it: pure rules, standard library only."""
