"""Chaos: many imports at once while processes, servers and connections fail at random, and what must hold after it.

`python -m tests.chaos --minutes 5 --seed 7` (`make chaos`). The seed decides all that is done, and when.
"""
