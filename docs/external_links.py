"""Checks that the addresses of other sites in the documents answer.

    python docs/external_links.py

It needs the network, so that no test of the suite runs it; the weekly workflow does. It prints each
address that does not answer with the documents that name it, and exits with 1 where there is one.
"""

from __future__ import annotations

import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"https?://[^\s()<>\"'`\]]+[^\s()<>\"'`\].,;:]")
SECONDS = 20.0
"""How long an address has to answer."""
REFUSALS = (401, 403, 429)
"""Answers by which a site that exists turns programs away."""


def addresses(documents: Iterable[Path]) -> dict[str, list[str]]:
    """Return the documents that name each address, by address."""
    named: dict[str, list[str]] = {}
    for document in documents:
        for address in ADDRESS.findall(document.read_text()):
            named.setdefault(address, []).append(document.name)
    return named


def failure(address: str) -> str:
    """Return why an address does not answer, or "" where it does."""
    request = urllib.request.Request(address, headers={"User-Agent": "rlid link check"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in REFUSALS else str(error)
    except OSError as error:
        return str(error)


def main() -> None:
    """Check all documents."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("*.cff"), *ROOT.glob("docs/**/*.md"),
                 *ROOT.glob("results/**/README.md")]  # fmt: skip
    dead = 0
    for address, names in sorted(addresses(documents).items()):
        reason = failure(address)
        if reason:
            dead += 1
            print(f"{address} ({', '.join(sorted(set(names)))}): {reason}")
    sys.exit(1 if dead else 0)


if __name__ == "__main__":
    main()
