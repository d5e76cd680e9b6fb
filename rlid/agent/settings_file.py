"""Settings of an agent from a YAML file: a plain mapping, or a file of rl-baselines3-zoo."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlid.agent.settings import configure
from rlid.agent.zoo import is_zoo_entry, translate
from rlid.errors import InputError, brief, first_line

if TYPE_CHECKING:
    from rlid.task import Task

LARGEST = 100_000
"""Bytes of a file that is still read; the largest of rl-zoo has 20,000."""
MOST_VALUES = 100_000
"""Values of a file, those behind an alias counted wherever it stands: ten levels of aliases in each
other would make more values than any memory holds.
"""
LONGEST_NUMBER = 300
"""Characters of a whole number; Python writes out none of more than 4,300 digits."""
SHARED = ("atari",)
"""Entry that rl-zoo has for all environments of screens."""
MAPPINGS = ("policy_kwargs", "normalize", "replay_buffer_kwargs", "env_kwargs", "monitor_kwargs")
"""Keys of an entry whose value may be a mapping."""


@dataclass(frozen=True)
class FileSettings:
    """What a settings file asks for, as the options of `rlid run` that say the same.

    Attributes:
        settings: assignments "name=value", as `--set` takes them.
        network: for `--network`, or None.
        budget: for `--budget`, or None.
        observation: for `--observation`, or None.
        notes: what the file says that rlid does otherwise, one line each.
    """

    settings: tuple[str, ...] = ()
    network: str | None = None
    budget: int | None = None
    observation: str | None = None
    notes: tuple[str, ...] = ()


def read_settings(path: Path, agent: str, task: Task) -> FileSettings:
    """Return the settings that a YAML file has for an agent on a task.

    The file is a mapping of settings, by rlid's names or by SB3's; or a file of rl-zoo, with an
    entry for each environment: that of the task's environment is taken, in whatever version.

    Args:
        path: the file; YAML's plain types alone are read.
        agent: the name of the agent.
        task: the task that is measured.

    Raises:
        InputError: there is no such file, it is no YAML, it has no entry for the task, or it has
            keys that cannot be used; the message names all of these keys.
    """
    content = _load(path)
    name, entry = _entry(path, content, task)
    where = f"{path}: {name}" if name else str(path)
    notes = [] if name in ("", task.env) else [f"entry {name} is used for {task.env}"]
    translation = translate(entry, agent, task)
    if translation.refused:
        raise InputError(f"{where}: cannot be used: {'; '.join(translation.refused)}")
    settings = tuple(f"{key}={_text(value)}" for key, value in translation.settings.items())
    try:
        configure(agent, settings)
    except InputError as error:
        raise InputError(f"{where}: {first_line(error).removeprefix('--set ')}") from None
    observation = translation.observation
    return FileSettings(
        settings,
        translation.network,
        translation.budget,
        None if observation == task.observation else observation,
        (*notes, *translation.notes),
    )


def _load(path: Path) -> Mapping[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"--config {path}: {error.strerror or 'cannot be read'}") from None
    if len(text) > LARGEST:
        raise InputError(f"--config {path}: larger than {LARGEST} bytes")
    content = _parsed(path, text)
    if not isinstance(content, dict) or not content:
        raise InputError(f"--config {path}: use a mapping, such as lr: 0.001")
    strange = [key for key in content if not isinstance(key, str)]
    if strange:
        raise InputError(f"--config {path}: {brief(strange[0])} is no name of a setting")
    return content


def _parsed(path: Path, text: bytes) -> Any:
    """Return what a text of YAML holds, of its plain types.

    Raises:
        InputError: it is no YAML, or its aliases stand for more values than are read.
    """
    import yaml

    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_VALUES:
            raise InputError(f"--config {path}: its aliases make more than {MOST_VALUES:,} values")
        _check_keys(path, node, set())
        return loader.construct_document(node)
    except InputError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or first_line(error)
        raise InputError(f"--config {path}{line}: no plain YAML: {problem}") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise InputError(f"--config {path}: no plain YAML: {first_line(error)}") from None
    except (LookupError, AttributeError, TypeError):
        # So PyYAML fails at a value that is none of the type that is named before it.
        raise InputError(f"--config {path}: no plain YAML: a value is not of its type") from None
    finally:
        if loader is not None:
            loader.dispose()


def _size(node: Any, sizes: dict[int, float]) -> float:
    """Return the number of values below a node of YAML, itself included; of a ring, infinity.

    Args:
        node: a scalar, a sequence or a mapping.
        sizes: those of the nodes so far, by their identity: each node is counted once.

    Raises:
        ValueError: a whole number has too many digits.
    """
    if node.tag.endswith(":int") and len(node.value) > LONGEST_NUMBER:
        raise ValueError(f"a number of more than {LONGEST_NUMBER} characters")
    if id(node) not in sizes:
        # A node that is met again below itself.
        sizes[id(node)] = math.inf
        parts = node.value if isinstance(node.value, list) else []
        pairs = (part if isinstance(part, tuple) else (part,) for part in parts)
        sizes[id(node)] = 1 + sum(_size(each, sizes) for pair in pairs for each in pair)
    return sizes[id(node)]


def _check_keys(path: Path, node: Any, seen: set[int]) -> None:
    """Refuse a mapping in which a key stands twice: PyYAML would take the last one in silence.

    Args:
        path: the file.
        node: a node of YAML that is part of no ring.
        seen: the nodes so far, by their identity: one that an alias repeats is looked at once.

    Raises:
        InputError: the message names the key and its line.
    """
    if id(node) in seen or not isinstance(node.value, list):
        return
    seen.add(id(node))
    keys: set[str] = set()
    for part in node.value:
        pair = part if isinstance(part, tuple) else (part,)
        if isinstance(part, tuple) and isinstance(key := part[0].value, str):
            if key in keys:
                line = part[0].start_mark.line + 1
                raise InputError(f"--config {path}, line {line}: {brief(key)} is there twice")
            keys.add(key)
        for each in pair:
            _check_keys(path, each, seen)


def _entry(path: Path, content: Mapping[str, Any], task: Task) -> tuple[str, Mapping[str, Any]]:
    """Return the entry for a task and its name; a file without entries is one, without a name.

    Raises:
        InputError: the file has entries for other environments only.
    """
    entries = {
        key: value
        for key, value in content.items()
        if isinstance(value, dict) and key not in MAPPINGS
    }
    if len(entries) < len(content) or is_zoo_entry(content):
        return "", content
    bare = _without_version(task.env)
    names = [task.env, *(key for key in reversed(entries) if _without_version(key) == bare)]
    if task.observation == "pixels":
        names += SHARED
    for name in [*names, "default"]:
        if name in entries:
            entry = entries[name]
            if all(isinstance(key, str) for key in entry):
                return name, entry
            raise InputError(f"--config {path}: {name}: use names of settings as keys")
    raise InputError(
        f"--config {path}: no entry for {task.env}; it has {', '.join(sorted(entries)):.200}"
    )


def _without_version(env: str) -> str:
    """Return the id of an environment without its version: "Hopper" for "Hopper-v5"."""
    return env.rpartition("-v")[0] or env


def _text(value: Any) -> str:
    """Return a scalar as `--set` takes it; a float without a fraction may be a setting of int."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    return str(value)
