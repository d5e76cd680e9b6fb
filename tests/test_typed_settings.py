"""Settings as they are typed: every annotation gives a value of its type, or one clear line."""

import dataclasses
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest

from rlid.agent import AGENTS, configure
from rlid.errors import InputError
from rlid.registry import typed_value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (bool, "True", True),
        (int, "64", 64),
        (float, "1e-3", 0.001),
        (str, "none", "none"),
        (Literal["a", "b"], "b", "b"),
        (Literal[1, 2], "2", 2),
        (Literal["auto", 1, 0.5, True, None], "0.5", 0.5),
        (Literal["auto", False], "false", False),
        (Literal["a", None], "none", None),
        (Literal["a", "b"] | None, "b", "b"),
        (Literal["a", "b"] | None, "None", None),
        (Optional[Literal[1, 2]], "1", 1),  # noqa: UP045
        (Union[int, str], "64", 64),  # noqa: UP007
        (str | int, "64", 64),
        (int | str, "none", "none"),
        (int | float, "0.5", 0.5),
        (float | Literal["auto"], "auto", "auto"),
        (int | None, "none", None),
    ],
)
def test_a_text_becomes_a_value_of_the_annotated_type(kind, text, value):
    typed = typed_value("--set x", text, kind)
    assert typed == value
    assert type(typed) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (Literal["a", "b"] | None, "c", "use one of a, b"),
        (Literal[1, 2], "3", "use one of 1, 2"),
        (Literal["auto", True, None], "x", "use one of auto, true, none"),
        (int | None, "x", "not a number of type int"),
        (int | float, "x", "not a number of type float"),
        (float, "inf", "must be finite"),
        (tuple[int, ...], "64", r"its annotation is tuple\[int, \.\.\.\]"),
        (list[int] | None, "64", r"its annotation is list\[int\]"),
        (dict, "64", "its annotation is dict"),
        (Path, "x", "its annotation is Path"),
        (Any, "x", "its annotation is .*Any"),
    ],
)
def test_any_other_text_or_annotation_is_refused_in_one_line(kind, text, says):
    with pytest.raises(InputError, match=says) as refused:
        typed_value("--set x", text, kind)
    assert str(refused.value).startswith("--set x: ")
    assert "\n" not in str(refused.value)


def test_an_agent_with_a_setting_that_no_record_holds_is_refused(monkeypatch):
    list(AGENTS)
    monkeypatch.setattr(AGENTS, "_entries", dict(AGENTS._entries))

    @AGENTS.add()
    @dataclasses.dataclass(frozen=True)
    class wide:  # noqa: N801
        """An agent with a tuple of widths."""

        kinds = ("rl",)
        widths: tuple[int, ...] = (64, 64)

        def search(self, problem, rng):
            """Search nothing."""

    with pytest.raises(InputError, match=r"agent 'wide': widths is \(64, 64\), which no record"):
        configure("wide")
