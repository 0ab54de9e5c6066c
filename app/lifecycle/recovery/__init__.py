"""After a crash: the sweeper, what is in doubt, and what a person may do."""
