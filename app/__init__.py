"""Backout: bulk imports into MySQL and MariaDB that you can back out of."""
