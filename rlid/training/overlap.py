"""Overlapping a validation with the next question of the agent, where the simulator gains by it."""

from __future__ import annotations

import contextlib

from rlid.problem import Answer, Request
from rlid.training.validation import Asking


class Overlap:
    """At most one validation, whose first requests go out together with the agent's next question.

    Where the validation ends the search, the question was in vain.
    """

    def __init__(self) -> None:
        """Start with no validation under way."""
        self._validation: Asking | None = None
        self.requests: list[Request] = []

    def begin(self, validation: Asking) -> None:
        """Start a validation; its first `requests` are to be asked with the next question."""
        self._validation, self.requests = validation, next(validation)

    def resume(self, answers: list[Answer]) -> Asking:
        """Give the validation the answers to `requests`, and ask for what it still needs."""
        validation, self._validation, self.requests = self._validation, None, []
        if validation is not None:
            with contextlib.suppress(StopIteration):
                while True:
                    answers = yield validation.send(answers)

    def end(self) -> Asking:
        """Run the validation to its end without a question beside it."""
        if self._validation is not None:
            yield from self.resume((yield self.requests))
