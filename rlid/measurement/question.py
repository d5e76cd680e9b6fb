"""From the options of `rlid run` to a complete question: names filled in, every option checked."""

from __future__ import annotations

from typing import Any

from rlid.errors import InputError, brief
from rlid.measurement.dims import read_dims
from rlid.networks import parse
from rlid.records import MAX_SEED, PROTOCOL, MeasurementSpec
from rlid.registry import import_packages
from rlid.task import resolve

GIVEN_BY_USER = "given by the user"
"""The source of a user's own reference where none was named."""


def ask(task: str, **options: Any) -> MeasurementSpec:
    """Return the question that these options ask.

    The task's agent and network stand in for those that are not given; options that repeat the
    task's own budget or protocol are left out, so that one question has one digest.

    Args:
        task: a registered task, with its parameter after a colon.
        **options: fields of MeasurementSpec; None stands for the default.

    Raises:
        InputError: a name is unknown or a value out of range; the message is one line.
    """
    fields = {name: value for name, value in options.items() if value is not None}
    import_packages(fields.get("imports", ()))
    own = resolve(task)
    fields = {"agent": own.agent, "network": own.network, **fields, "task": own.name}
    if not isinstance(fields["network"], str):
        raise InputError(f"--network {brief(fields['network'])}: must be a text, as mlp:20x20")
    fields["network"] = parse(fields["network"]).name
    if "dims" in fields:
        fields["dims"] = _rising(fields["dims"])
        if "dmax" in fields and fields["dims"] and fields["dmax"] < fields["dims"][-1]:
            raise InputError(f"--dims: {fields['dims'][-1]} is above --dmax {fields['dmax']}")
        fields.pop("dmax", None)
    for name in ("budget", *PROTOCOL):
        if name in fields and fields[name] == getattr(own, name):
            del fields[name]
    if "reference" in fields:
        fields.setdefault("reference_source", GIVEN_BY_USER)
    question = MeasurementSpec.checked(fields)
    if question.seed + question.seeds > MAX_SEED:
        raise InputError(f"--seed {question.seed}: must be from 0 to {MAX_SEED - question.seeds}")
    if question.dims == ():
        raise InputError("--dims: name at least one d")
    if question.reference is None and question.reference_source:
        raise InputError("--reference-source: give the score itself with --reference")
    if question.reference is not None and question.baseline == "global":
        raise InputError("--reference: takes the place of --baseline global; leave one of them out")
    return question


def _rising(dims: Any) -> tuple[Any, ...]:
    """Return a list of d rising, each once; a text is read as after `--dims`.

    Raises:
        InputError: it is no list of numbers.
    """
    try:
        return tuple(sorted(set(read_dims(dims) if isinstance(dims, str) else dims)))
    except TypeError:
        raise InputError(f"--dims {brief(dims)}: must be a list of whole numbers") from None
