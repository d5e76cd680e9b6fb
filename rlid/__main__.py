"""`python -m rlid` is `rlid`."""

from rlid.cli import main

main()
