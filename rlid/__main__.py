"""`python -m rlid` is `rlid`."""

from rlid.cli.supervisor import main

main()
