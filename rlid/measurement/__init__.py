"""One measurement, from its options to d_int90.

A plan is checked before anything is trained, a runner sends its trials to an engine and keeps the
reference score, and a summary recomputes the answer from a store.
"""
