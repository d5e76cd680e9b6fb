"""Agents: one file per optimizer of z. A new file here is found and registered."""
