"""One trial, from its spec to its record.

`loop` is the training loop: the agent asks, candidates are validated, and the trial decides when
to stop. `trial` runs one spec, and journals and checkpoints let a killed trial resume.
"""
