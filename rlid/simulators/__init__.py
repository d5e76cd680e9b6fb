"""Many episodes of one environment at once, behind one protocol.

The protocol is `rlid.world.Simulator`; each module steps the environments of one library.
What an environment cannot do faithfully is refused here, before any training.
"""
