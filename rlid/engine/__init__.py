"""Engines: where trials run."""
