"""Access: makes, finds and ends tokens and browsers' sessions."""
