"""Prints the bill of materials of rlid and what it needs, in CycloneDX 1.5: python .ci/sbom.py.

It is read from locks/run.txt and locks/torch.txt: names, versions, and the hashes of their files.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("locks/run.txt", "locks/torch.txt")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components() -> list[dict[str, Any]]:
    """Return the locked packages as components, each with the hashes that pip accepts."""
    listed: list[dict[str, Any]] = []
    for lock in LOCKS:
        for line in (ROOT / lock).read_text().splitlines():
            if pin := _PIN.match(line):
                name, version = pin.groups()
                listed.append(
                    {
                        "type": "library",
                        "name": name,
                        "version": version,
                        "purl": f"pkg:pypi/{name}@{version.replace('+', '%2B')}",
                        "hashes": [],
                    }
                )
            listed_hashes = [{"alg": "SHA-256", "content": text} for text in _HASH.findall(line)]
            if listed_hashes:
                listed[-1]["hashes"] += listed_hashes
    return listed


def bill() -> dict[str, Any]:
    """Return the bill of materials."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    subject = {
        "type": "library",
        "name": project["name"],
        "version": project["version"],
        "purl": f"pkg:pypi/{project['name']}@{project['version']}",
        "licenses": [{"license": {"id": project["license"]}}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": subject},
        "components": components(),
    }


if __name__ == "__main__":
    print(json.dumps(bill(), indent=1))
