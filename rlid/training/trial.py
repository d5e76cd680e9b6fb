"""One trial, from its spec to its record."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from rlid.agent import TrainingRound
from rlid.errors import AgentFault, Diverged, EnvironmentFault
from rlid.problem import Answer, Notes, Problem, Request
from rlid.records import (
    Judgement,
    Record,
    Status,
    TrialSpec,
    card,
    kept_text,
    thin_curve,
    versions,
)
from rlid.simulators import hidden_state
from rlid.training.agent_steps import check_notes, faults_of, make_agent
from rlid.training.checkpoint import Checkpoints
from rlid.training.course import Course, Z
from rlid.training.loop import drive
from rlid.training.scoring import Score, score
from rlid.training.tensorboard import Scalars

TrialSteps = Generator[list[Request] | TrainingRound, list[Answer], tuple[Record, Z | None]]


def trial(
    spec: TrialSpec,
    judgement: Judgement,
    problem: Problem,
    checkpoints: Checkpoints | None = None,
    scalars: Scalars | None = None,
    course: Course | None = None,
) -> TrialSteps:
    """Run one trial as a generator that asks for evaluations and training; it returns (record, z).

    With `checkpoints` an interrupted trial resumes where it was saved. A `course` that is passed in
    tells whoever holds it how far the trial has come.

    A fault of the environment, which comes as an answer or is raised by a gradient agent's own
    training, makes the trial missing, and so does whatever an agent raises. An agent whose z stops
    being finite has not solved.

    Raises:
        StoreError: a checkpoint cannot be read or written.
    """
    course = course or Course(problem, spec)
    status: Status = "unsolved"
    reason = ""
    scored: Score | None = None
    notes: Notes = {}
    try:
        agent, notes = make_agent(spec, problem)
        try:
            yield from drive(course, agent, checkpoints, scalars)
        except Diverged as divergence:
            reason = f"diverged: {divergence}"
        scored = yield from score(course)
        with faults_of(spec.agent):
            notes = check_notes({**notes, **problem.notes, **_start_notes(problem)})
    except EnvironmentFault as fault:
        status, reason, scored = fault.status, fault.reason, None
    except AgentFault as fault:
        status, reason, scored = "error", str(fault), None
    z = None if scored is None else scored.z
    if scored is not None and judgement.threshold is not None and not reason:
        status = "solved" if scored.deciding.mean() >= judgement.threshold else "unsolved"
    return _record(course, judgement, status, reason, scored, notes), z


def _start_notes(problem: Problem) -> Notes:
    """Return the SHA-256 of theta0 where the code that draws it is not rlid's own."""
    if not problem.network.architecture.registered:
        return {}
    return {"theta0_sha256": problem.subspace.theta_sha256(np.zeros(problem.dim, np.float32))}


def _record(
    course: Course,
    judgement: Judgement,
    status: Status,
    reason: str,
    scored: Score | None,
    notes: Notes,
) -> Record:
    problem = course.problem
    deciding = scored.deciding if scored is not None and course.is_confirmed else None
    return Record(
        spec=course.spec,
        status=status,
        reason=kept_text(reason),
        score=float(scored.reported.mean()) if scored is not None else None,
        episodes=len(scored.reported) if scored is not None else 0,
        threshold=judgement.threshold,
        random=judgement.random,
        reference=judgement.reference,
        dmin=judgement.dmin,
        dmax=judgement.dmax,
        rule=judgement.rule,
        baseline=judgement.baseline,
        D=problem.subspace.D,
        env_steps=problem.search_steps + course.validation_steps + course.scoring_steps,
        search_steps=problem.search_steps,
        validation_steps=course.validation_steps,
        scoring_steps=course.scoring_steps,
        stopped_early=course.has_stopped_early,
        seconds=course.earlier_seconds,
        curve=thin_curve(course.curve),
        hidden_state={
            **hidden_state(problem.task, problem.world),
            **problem.network.hidden_state,
        },
        notes=notes,
        theta_sha256=problem.subspace.theta_sha256(scored.z) if scored is not None else None,
        versions=versions() | card(course.spec.device),
        deciding_score=float(deciding.mean()) if deciding is not None else None,
    )
