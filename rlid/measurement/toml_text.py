"""TOML of strangers, read in a time that grows with its length."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from rlid.errors import InputError, first_line

MOST_PARTS = 16
"""Parts of a name such as `defaults.dmax`: tomllib's time grows with their square."""
_OPAQUE = re.compile(
    r'"""(?:[^\\]|\\.?)*?(?:"""|\Z)|\'\'\'.*?(?:\'\'\'|\Z)'
    r'|"(?:[^"\\\n]|\\.?)*"?|\'[^\'\n]*\'?|#[^\n]*',
    re.DOTALL,
)
"""Strings and comments, whose dots join no parts of a name. One without an end reaches to the end
of the line or of the text, so that no part of the text is looked at twice.
"""
_BETWEEN_NAMES = re.compile(r"[=,{}\[\]\n]")


def read_toml(data: bytes) -> dict[str, Any]:
    """Return what a TOML file holds.

    Args:
        data: the content of the file, UTF-8.

    Raises:
        InputError: it is no TOML, or one of its names has too many parts; one line says which.
    """
    try:
        text = data.decode()
        bare = _OPAQUE.sub("", text)
        if max(part.count(".") for part in _BETWEEN_NAMES.split(bare)) >= MOST_PARTS:
            raise InputError(f"a name of more than {MOST_PARTS} parts")
        return tomllib.loads(text)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        # A number of too many digits is a ValueError of int.
        raise InputError(first_line(error)) from None
