"""Puts a benchmark's table into a page, between its two markers.

    python tests/benchmarks/calibration.py --report --out rows.jsonl |
        python tests/benchmarks/into_page.py results/calibration.md coverage

The markers are the lines <!-- NAME --> and <!-- end of NAME -->.
"""

from __future__ import annotations

import sys
from pathlib import Path


def replaced(page: str, name: str, table: str) -> str:
    """Return the page with the table between the markers of that name.

    Raises:
        ValueError: the page does not have each of the two markers once.
    """
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    if page.count(first) != 1 or page.count(last) != 1:
        raise ValueError(f"the page must have {first.strip()} and {last.strip()} once each")
    before, rest = page.split(first)
    return f"{before}{first}\n{table.strip()}\n\n{last}{rest.split(last)[1]}"


if __name__ == "__main__":
    path, name = Path(sys.argv[1]), sys.argv[2]
    path.write_text(replaced(path.read_text(), name, sys.stdin.read()))
