"""Random score and reference of a published measurement, against those shipped with rlid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import resources

from rlid.errors import InputError
from rlid.leaderboard.known import Known, is_of_this_version
from rlid.leaderboard.published import Published
from rlid.measurement import REFERENCE_SEEDS
from rlid.records import REFERENCE_SEED
from rlid.store import DirectTraining, Reference, references, slug
from rlid.task import adapt, resolve

RANDOM_NOISE = 4.0
"""Standard errors by which two measurements of the score of random actions may differ."""

ONE_ALGORITHM = ({"ppo", "batched_ppo"},)
"""Agents that train by one algorithm with one recipe: direct training by one covers the other's."""


def is_shipped(published: Published) -> bool:
    """Whether the reference is the one that is shipped with rlid."""
    shipped = _shipped(published)
    return shipped is not None and _is_same(published.reference_record, shipped)


def problems(published: Published, known: Known) -> Iterator[str]:
    """Yield where the random score or the reference contradicts what rlid knows.

    The shipped values are authoritative. Another reference than the shipped one needs every direct
    training that the shipped one rests on, with hashes, so that `--rerun` can repeat them.
    """
    record, task = published.reference_record, known.task
    yield from _direct(record)
    yield from _backend(published, known)
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
            if not any(_covers(own, direct) for own in record.direct):
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
    if _of_task(published) is None:
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
    noise = RANDOM_NOISE * math.hypot(record.random_error, shipped.random_error)
    # A larger error in the file must not excuse a larger difference.
    noise = min(noise, 2 * RANDOM_NOISE * shipped.random_error)
    if not math.isclose(record.random, shipped.random, rel_tol=1e-9, abs_tol=noise):
        yield f"random score {record.random!r}: the shipped one is {shipped.random!r}"


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


def _covers(own: DirectTraining, shipped: DirectTraining) -> bool:
    """Whether direct training is at least what the shipped reference rests on."""
    needed = max(REFERENCE_SEEDS, len(shipped.trials))
    agents = {own.agent, shipped.agent}
    return (
        (len(agents) == 1 or agents in ONE_ALGORITHM)
        and own.budget >= shipped.budget
        and len(own.scores) >= needed
        and all(trial.theta_sha256 for trial in own.trials if trial.score is not None)
    )
