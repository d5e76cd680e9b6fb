"""The command line: `rlid run cartpole --dmax 20` and the other commands.

Each module holds the commands of one subject; `app` puts them together and turns errors into exit
codes. Commands import what they need when they run, so that `rlid --help` is quick.
"""
