"""One training run, from spec to record: the only training loop there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlid.agent import AGENTS, Ask
from rlid.journal import Journal, Journals
from rlid.observation import hidden_state
from rlid.problem import Problem, Request, Returns, evaluate, make_problem
from rlid.record import Judgement, Record, Spec, thin_curve, versions
from rlid.rollout import no_beat
from rlid.simulator import make_network, make_world
from rlid.stream import role_seed
from rlid.task import EnvironmentFault, Task

VALIDATIONS = 50
"""A candidate is validated at least this many times over the budget, promising or not."""
LOOKS = 3
"""Parts in which a validation is run, so that hopeless candidates cost one part only."""
SEED_BOUND = 2**31
"""Episode seeds lie below: some environments take no larger ones."""

Z = NDArray[np.float32]
Deliver = Callable[[Record, "Z | None"], None]


@dataclass
class _Course:
    """How far a trial has come: its validated candidates, and the steps that went into them."""

    problem: Problem
    spec: Spec
    episodes: np.random.Generator
    curve: list[tuple[int, float]] = field(default_factory=list)
    best: Z | None = None
    best_mean: float = -math.inf
    last: Z | None = None
    is_solved: bool = False
    validation_steps: int = 0

    def is_due(self, score: float | None) -> bool:
        """Whether the offered candidate is to be validated now."""
        stop = self.spec.stop_score
        if stop is not None and score is not None and score >= stop:
            return True
        since = self.problem.search_steps - (self.curve[-1][0] if self.curve else 0)
        return since * VALIDATIONS >= self.spec.budget

    def validate(self, z: Z) -> Generator[Request, Returns, None]:
        """Run z through fresh validation episodes; it is final when it clears the stop score.

        It has to by one standard error, since a policy just below that is tried often enough
        would pass by luck. One that has fallen short by as much is not looked at further.
        """
        stop = self.spec.stop_score
        values = np.empty(0)
        for part in np.array_split(range(self.problem.task.validation_episodes), LOOKS):
            if self.problem.task.kind == "rl":
                seeds = draw_seeds(self.episodes, len(part))
            else:
                # An objective's evaluations are numbered: each has data of its own.
                seeds = tuple(part.tolist())
            result = yield Request(self.problem, z[None], seeds, "validation")
            self.validation_steps += result.steps
            values = np.concatenate([values, result.values[0]])
            mean, error = float(values.mean()), standard_error(values)
            if stop is not None and mean + error < stop:
                break
        self.curve.append((self.problem.search_steps, mean))
        self.is_solved = stop is not None and mean - error >= stop
        if self.is_solved or mean > self.best_mean or self.spec.candidate == "last":
            self.best, self.best_mean = z, mean
        self.last = None


def standard_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of values (n,), or 0 for a single one."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def draw_seeds(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Draw the seeds of n episodes."""
    return tuple(rng.integers(0, SEED_BOUND, n).tolist())


def role_generator(seed: int, role: str) -> np.random.Generator:
    """Return the generator of one role in the trial with this seed."""
    return np.random.default_rng(role_seed(seed, role))


def trial(
    spec: Spec, judgement: Judgement, problem: Problem
) -> Generator[Request, Returns, tuple[Record, Z | None]]:
    """Run one trial as a generator that asks for evaluations and returns (record, z).

    A fault of the environment is thrown in by whoever drives it, or raised by a gradient agent's
    own training; it ends the trial as missing. An agent that raises has not solved.
    """
    course = _Course(problem, spec, role_generator(spec.seed, "validation"))
    status, reason = "unsolved", ""
    scores: NDArray[np.float64] | None = None
    scoring_steps = 0
    notes: dict[str, Any] = {}
    try:
        try:
            agent = AGENTS[spec.agent](**spec.settings)
            notes = agent.notes(problem)
            yield from _search(course, agent)
        except EnvironmentFault:
            raise
        except Exception as error:
            reason = f"the agent raised {_first_line(error)}"
        if course.best is not None:
            seeds = draw_seeds(role_generator(spec.seed, "scoring"), problem.task.scoring_episodes)
            result = yield Request(problem, course.best[None], seeds, "scoring")
            scores, scoring_steps = result.values[0], result.steps
            threshold = judgement.threshold
            if threshold is not None and not reason and scores.mean() >= threshold:
                status = "solved"
    except EnvironmentFault as fault:
        status, reason, scores = fault.status, fault.reason, None
    z = course.best if scores is not None else None
    return Record(
        spec=spec,
        status=status,  # type: ignore[arg-type]
        reason=reason,
        score=float(scores.mean()) if scores is not None else None,
        episodes=len(scores) if scores is not None else 0,
        threshold=judgement.threshold,
        random=judgement.random,
        reference=judgement.reference,
        dmin=judgement.dmin,
        dmax=judgement.dmax,
        rule=judgement.rule,
        baseline=judgement.baseline,
        D=problem.subspace.D,
        env_steps=problem.search_steps + course.validation_steps + scoring_steps,
        search_steps=problem.search_steps,
        validation_steps=course.validation_steps,
        scoring_steps=scoring_steps,
        stopped_early=course.is_solved,
        seconds=0.0,
        curve=thin_curve(course.curve),
        hidden_state=hidden_state(problem.task, problem.world),
        notes={**notes, **problem.notes},
        theta_sha256=problem.subspace.theta_sha256(z) if z is not None else None,
        versions=versions(),
    ), z


def _search(course: _Course, agent: Any) -> Generator[Request, Returns, None]:
    """Drive the agent until a candidate is final, the budget is spent, or it asks no more."""
    problem, spec = course.problem, course.spec
    training = role_generator(spec.seed, "training")
    search = agent.search(problem, role_generator(spec.seed, "optimizer"))
    reply: NDArray[np.float64] | None = None
    while problem.search_steps < spec.budget:
        try:
            step = search.send(reply)
        except StopIteration:
            break
        if isinstance(step, Ask):
            seeds = draw_seeds(training, problem.task.search_episodes)
            result = yield Request(problem, _checked(step.Z, problem.dim), seeds)
            problem.search_steps += result.steps
            reply = result.values.mean(1)
            best = int(reply.argmax())
            course.last, score = step.Z[best].astype(np.float32), float(reply[best])
        else:
            course.last, score = _checked(step.z[None], problem.dim)[0], step.score
        if course.is_due(score):
            yield from course.validate(course.last)
        if course.is_solved:
            break
    search.close()
    if course.last is not None:
        yield from course.validate(course.last)


def _checked(candidates: NDArray[np.floating], d: int) -> NDArray[np.float32]:
    """Return candidates (n, d) as float32; an agent that diverged gives none."""
    if candidates.ndim != 2 or candidates.shape[1] != d:
        raise ValueError(f"candidates of shape {candidates.shape}, not (n, {d})")
    checked = candidates.astype(np.float32)
    if not np.isfinite(checked).all():
        raise ValueError("z is not finite: the search diverged")
    return checked


def run_trials(
    specs: Sequence[Spec],
    judgement: Judgement,
    task: Task,
    deliver: Deliver,
    beat: Callable[[], None] = no_beat,
    journals: Journals | None = None,
) -> None:
    """Run a cell: the trials of one task and network, side by side; deliver each as it ends.

    Where the simulator gains from it, what the trials ask for in one round runs as one batch. With
    `journals`, a trial that was killed goes on where it was, and gives the same record.
    """
    world = make_world(task)
    network = make_network(task, specs[0].network, world)
    seconds = dict.fromkeys(range(len(specs)), 0.0)
    trials: dict[int, Generator[Request, Returns, tuple[Record, Z | None]]] = {}
    waiting, kept = dict[int, Request](), dict[int, Journal]()

    def advance(index: int, resume: Callable[[], Request]) -> None:
        started = time.perf_counter()
        try:
            request = resume()
            while index in kept and (answer := kept[index].answer(request)) is not None:
                beat()
                request = trials[index].send(answer)
            waiting[index] = request
            seconds[index] += time.perf_counter() - started
        except StopIteration as end:
            seconds[index] += time.perf_counter() - started
            waiting.pop(index, None)
            record, z = end.value
            deliver(record.model_copy(update={"seconds": round(seconds[index], 4)}), z)
            if index in kept:
                kept[index].remove()

    try:
        for index, spec in enumerate(specs):
            problem = make_problem(
                task, network, spec.projection, spec.d, spec.seed, world, spec.budget, beat
            )
            trials[index] = trial(spec, judgement, problem)
            if journals is not None:
                kept[index] = journals.open(spec)
            advance(index, partial(next, trials[index]))
        while waiting:
            batch = list(waiting) if world.merges else [next(iter(waiting))]
            started = time.perf_counter()
            outcomes = _outcomes([waiting[index] for index in batch])
            share = (time.perf_counter() - started) / len(batch)
            for index, answer in zip(batch, outcomes, strict=True):
                seconds[index] += share
                if isinstance(answer, EnvironmentFault):
                    advance(index, partial(trials[index].throw, answer))
                else:
                    if index in kept:
                        kept[index].add(waiting[index], answer)
                    advance(index, partial(trials[index].send, answer))
    finally:
        for journal in kept.values():
            journal.close()
        world.close()


def _outcomes(requests: list[Request]) -> list[Returns | EnvironmentFault]:
    """Evaluate requests together; after a fault, each alone, to see whose it was."""
    try:
        return list(evaluate(requests))
    except EnvironmentFault as fault:
        if len(requests) == 1:
            return [fault]
    return [_outcomes([request])[0] for request in requests]


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"[:500]
