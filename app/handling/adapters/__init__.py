"""Adapters: one file an outside service, in our words on this side and in the service's on the other."""
