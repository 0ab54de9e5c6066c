"""What a long history must not make dearer, and such a history."""
