"""The only SQL. Functions here take a connection and never commit: the lifecycle owns transaction boundaries."""
