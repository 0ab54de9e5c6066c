"""SQL of datasets: their registry, tables and rows."""
