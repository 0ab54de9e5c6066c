"""What comes after a load: updates of its rows, and reverts."""
