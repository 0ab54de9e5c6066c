"""The storm: many imports at once while processes, servers and connections fail at random, and what must hold after it.

`python -m tests.storm --minutes 5 --seed 7` (`make storm`). The seed decides all that is done, and when.
"""
