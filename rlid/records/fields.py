"""The types of a record's fields: their bounds, and what text may hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from rlid.errors import visible as visible


def _shown(name: str) -> str:
    if not name.isprintable():
        raise ValueError("it holds a character that cannot be shown")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_shown)]
"""A name: one line of characters that can be shown."""
MAX_TEXT = 4000
"""Characters of an error's words that a record keeps."""
_MAX_READ = 10 * MAX_TEXT
"""Characters of words that are read: an escape has up to ten for the one that it stands for."""
Text = Annotated[str, Field(max_length=_MAX_READ), AfterValidator(visible)]
"""Words, an error's among them: what cannot be shown is kept as its escape."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Value = Annotated[str, AfterValidator(_shown)] | bool | int | Finite | None
"""A setting or a note."""


def kept_text(words: str) -> str:
    """Return words from anywhere as a record keeps them: visible, and at most MAX_TEXT characters.

    An error's words may hold the colours of a terminal, or bytes of a file name that are no text.
    """
    return visible(words)[:MAX_TEXT]
