"""Where a published file comes from: rlid's version and source, the processor, who and when."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from rlid.errors import InputError
from rlid.leaderboard.published import Origin, Published
from rlid.records import PREFIX, visible
from rlid.store import StoredMeasurement

MOST_LETTERS = 200
"""Of what is said of who published a measurement, and of when."""
GIT_SECONDS = 10.0
"""How long git may take to name a commit."""
_DISTRIBUTION = re.compile(r"[^/]+\.dist-info/")


def origin_of(
    measured: StoredMeasurement, versions: Sequence[dict[str, str]], by: str = "", when: str = ""
) -> Origin:
    """Return the origin of a measurement that this rlid publishes.

    Args:
        measured: what the run left in the store.
        versions: of the libraries, as the records of the trials have them.
        by: who publishes it, in their own words.
        when: when it was measured, in their own words; by default the day on which the run ended.

    Raises:
        InputError: the words are too long.
    """
    for option, words in (("--by", by), ("--when", when)):
        if len(words) > MOST_LETTERS:
            raise InputError(
                f"{option}: {len(words)} letters; at most {MOST_LETTERS} are published"
            )
    return Origin(
        rlid=importlib.metadata.version("rlid"),
        source=source(),
        processor=measured.machine.processor,
        capability=capability_of(versions),
        by=by,
        when=when or measured.ended,
    )


def capability_of(versions: Sequence[dict[str, str]]) -> dict[str, str]:
    """Return the instructions that the trials used, by library; several are joined by "; "."""
    names = sorted({name for listed in versions for name in listed if name.startswith(PREFIX)})
    return {
        name.removeprefix(PREFIX): "; ".join(
            sorted({listed[name] for listed in versions if name in listed})
        )
        for name in names
    }


def problems(published: Published) -> Iterator[str]:
    """Yield where a stated origin contradicts the rest of the file."""
    origin = published.origin
    if origin is None:
        return
    if origin.processor not in ("", published.machine.processor):
        yield f"origin: processor {origin.processor!r}, not {published.machine.processor!r}"
    if origin.capability != capability_of(published.versions):
        yield "origin: its capability of the processor is not that of the trials"


def sentence(published: Published) -> str:
    """Return the stated origin, which nobody can check, in one line; "" where none is stated."""
    origin = published.origin
    if origin is None:
        return ""
    words = [f"rlid {origin.rlid}" + (f" ({origin.source})" if origin.source else "")]
    words += [f"by {origin.by}"] if origin.by else []
    words += [origin.when] if origin.when else []
    return visible(", ".join(words)).replace("\n", " ")


@cache
def source() -> str:
    """Return the commit or the archive that rlid was installed from, or a hash of its files.

    Installed from a wheel of an index, it is the SHA-256 of the list of files and hashes that the
    wheel brought, so that two installations of one wheel agree.
    """
    folder = Path(__file__).parents[2]
    if (folder / ".git").exists() and (folder / "pyproject.toml").is_file():
        return _commit(folder)
    distribution = importlib.metadata.distribution("rlid")
    direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    if "vcs_info" in direct:
        return f"commit {direct['vcs_info'].get('commit_id', '')}"
    archive = direct.get("archive_info", {})
    digest = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix(
        "sha256="
    )
    if digest:
        return f"archive sha256:{digest}"
    return _files(distribution.read_text("RECORD") or "")


def _files(record: str) -> str:
    """Return the hash of a wheel's list of files, without what the installer added."""
    lines = sorted(
        line
        for line in record.splitlines()
        if ",sha256=" in line and not _DISTRIBUTION.match(line) and not line.startswith("..")
    )
    text = "\n".join(lines)
    return f"wheel files sha256:{hashlib.sha256(text.encode()).hexdigest()}" if lines else ""


def _commit(folder: Path) -> str:
    """Return the commit of rlid's own working tree, and whether files differ from it; or ""."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", "rlid")
    return f"commit {commit}, changed since" if changed else f"commit {commit}"


def _git(folder: Path, *words: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
