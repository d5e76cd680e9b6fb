"""`python -m rlid` is `rlid`."""

from rlid.cli.app import main

main()
