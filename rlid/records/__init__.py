"""What is written down: trials, measurements and states of searches, as plain validated data.

A trial's spec is its key, a record is what came out, and a judgement says what counts as solved.
Nothing here reads or writes a file, and nothing here trains.
"""
