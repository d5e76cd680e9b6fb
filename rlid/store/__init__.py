"""The folder of trial records, and the rules by which several processes share it.

One immutable file holds one trial; references, leases and measurements lie beside the trials.
Everything else is recomputed from these files.
"""
