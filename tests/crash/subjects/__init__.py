"""What is led to a failpoint besides an import."""
