"""Published measurements: written, verified, ranked and shown as tables and pages.

A published file is complete enough for anyone to re-derive its answer and repeat its trials.
What Li et al. (2018) published stands beside it.
"""
