"""Tasks: one file per family. A new file here is found by itself."""
