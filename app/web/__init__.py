"""How connections are served: what holds a thread, and for how long at most."""
