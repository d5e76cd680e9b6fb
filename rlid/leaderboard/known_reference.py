"""Random score and reference of a published measurement, against those shipped with rlid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import resources

from rlid.datasets import DATASETS
from rlid.errors import InputError
from rlid.leaderboard.compared import is_recipe
from rlid.leaderboard.known import Known, is_of_this_version
from rlid.leaderboard.published import Published
from rlid.measurement import REFERENCE_SEEDS
from rlid.records import REFERENCE_SEED
from rlid.store import DirectTraining, Reference, references, slug
from rlid.task import Task, adapt, resolve

RANDOM_NOISE = 4.0
"""Standard errors by which two measurements of the score of random actions may differ."""

ROUNDING = 1e-9
ONE_ALGORITHM = ({"ppo", "batched_ppo"},)
"""Agents that train by one algorithm with one recipe: direct training by one covers the other's."""


def is_shipped(published: Published) -> bool:
    """Whether the reference is the one that is shipped with rlid."""
    shipped = _shipped(published)
    return shipped is not None and _is_same(published.reference_record, shipped)


def knows_random(published: Published) -> bool:
    """Whether the random score follows from a shipped reference, or from the number of classes."""
    task = resolve(published.question.task)
    is_chance = task.kind == "supervised" and task.env in DATASETS
    return is_chance or _of_task(published) is not None


def is_one_score(score: float, error: float, known: float, known_error: float) -> bool:
    """Whether a random score may be a second measurement of a known one.

    Args:
        score: what a file says.
        error: its standard error, as the file says.
        known: the score that it is held against.
        known_error: its standard error.
    """
    noise = RANDOM_NOISE * math.hypot(error, known_error)
    # A larger error in the file must not excuse a larger difference.
    noise = min(noise, 2 * RANDOM_NOISE * known_error)
    return math.isclose(score, known, rel_tol=1e-9, abs_tol=noise)


def problems(published: Published, known: Known) -> Iterator[str]:
    """Yield where the random score or the reference contradicts what rlid knows.

    The shipped values are authoritative. Another reference than the shipped one needs every direct
    training that the shipped one rests on, with hashes, so that `--rerun` can repeat them.
    """
    record, task = published.reference_record, known.task
    yield from _direct(record)
    yield from _backend(published, known)
    if task.kind == "supervised":
        yield from _chance(record, known)
    if task.ceiling is not None:
        for name, score in (("random score", record.random), ("reference", record.reference)):
            if score > task.ceiling + 1e-9:
                yield f"{name} {score!r}: above the task's ceiling of {task.ceiling!r}"
    if record.reference <= record.random:
        yield f"reference {record.reference!r}: not above the random score {record.random!r}"
    is_measured = not record.is_given
    if is_measured and task.floor is not None and record.reference < task.floor:
        yield f"reference {record.reference!r}: below the task's floor of {task.floor!r}"
    if not is_of_this_version(published, known):
        return
    yield from _random(published)
    shipped = _shipped(published)
    if is_measured and shipped is not None and not _is_same(record, shipped):
        for direct in shipped.direct:
            if not any(_covers(own, direct, task) for own in record.direct):
                yield (
                    f"reference {record.reference!r}: the shipped one is {shipped.reference!r}, "
                    f"and the file lacks direct training by {direct.agent} on "
                    f"{max(REFERENCE_SEEDS, len(direct.trials))} seeds of at least "
                    f"{direct.budget} steps"
                )


def notes(published: Published, known: Known) -> Iterator[str]:
    """Yield what the reference rests on, where that is not what is shipped with rlid."""
    record = published.reference_record
    if record.is_given or not is_of_this_version(published, known):
        return
    if not is_shipped(published):
        yield "the reference is the file's own: --rerun repeats its direct training as well"
    if not knows_random(published):
        yield "no random score is shipped for this task: it was not compared"


def _shipped(published: Published) -> Reference | None:
    # What the trials say of their task counts: its record in the file might name another version.
    spec = published.spec(1, 0)
    return references.shipped(spec.task, spec.task_version, spec.protocol, spec.network)


def _is_same(record: Reference, shipped: Reference) -> bool:
    """Whether score and spread of a reference are the shipped ones: both enter the answer."""
    return (record.reference, record.scores) == (shipped.reference, shipped.scores)


def _of_task(published: Published) -> Reference | None:
    """Return a shipped reference of the task, whatever its network: they share a random score."""
    spec = published.spec(1, 0)
    folder = resources.files("rlid") / "references" / slug(spec.task)
    sources = sorted(folder.iterdir(), key=lambda source: source.name) if folder.is_dir() else []
    for source in sources:
        if source.name.endswith(".json"):
            shipped = references.read(source)
            if shipped.fits(spec.task, spec.task_version, spec.protocol, shipped.network):
                return shipped
    return None


def _random(published: Published) -> Iterator[str]:
    record, shipped = published.reference_record, _of_task(published)
    if shipped is None:
        return
    if not is_one_score(record.random, record.random_error, shipped.random, shipped.random_error):
        yield f"random score {record.random!r}: the shipped one is {shipped.random!r}"


def _chance(record: Reference, known: Known) -> Iterator[str]:
    """Check the random score of a supervised task: the accuracy of one who sees no input.

    That of the most frequent class is at least one in as many as there are classes.
    """
    least = 0.0 if known.network is None else 1 / known.network.outputs
    is_even = known.task.env in DATASETS
    most = least if is_even else 1.0
    if not least * (1 - ROUNDING) <= record.random <= most * (1 + ROUNDING):
        yield f"random score {record.random!r}: chance is {least!r}" + (
            "" if is_even else " or more"
        )


def _backend(published: Published, known: Known) -> Iterator[str]:
    """Check the simulator of the reference: runs on any back end of a task share its reference."""
    backend = published.reference_record.backend
    if backend == published.common.get("backend"):
        return
    own = resolve(published.question.task)
    try:
        adapt(own, backend=backend)
    except InputError:
        yield f"a reference measured by {backend!r}, which does not simulate this task"


def _direct(record: Reference) -> Iterator[str]:
    """Check the rows of direct training for what no measurement of a reference leaves behind."""
    for direct in record.direct:
        seeds = [trial.seed for trial in direct.trials]
        if seeds != list(range(REFERENCE_SEED, REFERENCE_SEED + len(seeds))):
            yield f"direct training by {direct.agent}: its seeds are not {REFERENCE_SEED} and on"
        hashes = [trial.theta_sha256 for trial in direct.trials if trial.score is not None]
        if None in hashes or len(set(hashes)) < len(hashes):
            yield f"direct training by {direct.agent}: weights that are not named, or named twice"


def _covers(own: DirectTraining, shipped: DirectTraining, task: Task) -> bool:
    """Whether direct training is at least what the shipped reference rests on.

    Other settings than those of the task's recipe must not be what makes it reach less.
    """
    needed = max(REFERENCE_SEEDS, len(shipped.trials))
    agents = {own.agent, shipped.agent}
    least = -math.inf if shipped.median is None else shipped.median
    is_as_good = own.median is not None and own.median >= least
    return (
        (len(agents) == 1 or agents in ONE_ALGORITHM)
        and (is_recipe(own, task) or is_as_good)
        and own.budget >= shipped.budget
        and len(own.scores) >= needed
        and all(trial.theta_sha256 for trial in own.trials if trial.score is not None)
    )
