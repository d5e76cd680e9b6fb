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
Text = Annotated[str, Field(max_length=4000), AfterValidator(visible)]
"""Words, an error's among them: what cannot be shown is kept as its escape."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Value = Annotated[str, AfterValidator(_shown)] | bool | int | Finite | None
"""A setting or a note."""
