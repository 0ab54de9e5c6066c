"""SQL of imports: every move, the queries, what is deleted later."""
