"""SQL of handlings: every move, their orders, the queries."""
