"""The audit: who changed what, and who was denied what."""
