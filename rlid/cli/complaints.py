"""What is said of a command that was mistyped: the option with its value, and what is right."""

from __future__ import annotations

import re
from collections.abc import Sequence

_INVALID = re.compile(r"Invalid value for '(?P<name>[^']+)': (?P<reason>.*)", re.DOTALL)
_MISSING = re.compile(r"Missing (?:argument|option) '(?P<name>[^']+)'\.?")
WANTED = (
    ("valid integer", "must be a whole number"),
    ("valid number", "must be a number"),
    ("valid boolean", "must be true or false"),
)
"""What the parser's reasons are in our words."""


def complaint(message: str, words: Sequence[str]) -> str:
    """Return the parser's message about a command in rlid's words.

    Args:
        message: what the parser says.
        words: the words of the command, without "rlid".
    """
    command = " ".join(["rlid", *_command(words)])
    if missing := _MISSING.fullmatch(message.strip()):
        return f"{missing['name']} is missing: see {command} --help"
    if invalid := _INVALID.fullmatch(message.strip()):
        name, reason = invalid["name"], invalid["reason"]
        said = next((ours for theirs, ours in WANTED if theirs in reason), reason)
        return f"{' '.join([name, *_value_of(name, words)])}: {said}"
    return message


def _command(words: Sequence[str]) -> list[str]:
    """Return the command's own words: those before its first option or argument."""
    if words[:1] == ["store"]:
        return [word for word in words[:2] if not word.startswith("-")]
    return list(words[:1])


def _value_of(name: str, words: Sequence[str]) -> list[str]:
    """Return the value that was given to an option, or nothing where that is not plain."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == name:
            return [following]
        if word.startswith(f"{name}="):
            return [word.partition("=")[2]]
    return []
