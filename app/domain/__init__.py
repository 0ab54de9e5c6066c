"""The rules of imports, datasets and handlings: pure Python, standard library only."""
