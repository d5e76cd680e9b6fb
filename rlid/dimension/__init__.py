"""The statistics of d_int90: which trials to run next, and what follows from them.

A trial is a row (d, seed, success), and an estimate is d_int90 with its interval.
This room imports nothing of rlid, so that it can be read, tested and reused alone.
"""
