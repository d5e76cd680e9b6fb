"""Rounds of training of several trials: what they hold is released, whatever fails."""

import pytest

from rlid.errors import SharedFault
from rlid.training.rounds import Rounds


class Batch:
    is_closed = False

    def round(self):
        pass

    def close(self):
        self.is_closed = True


class Learner:
    """Gives the first of the learners a batch, and none to the second."""

    batch = None

    def begin_batches(self, learners):
        learners[0].batch = Batch()
        raise MemoryError("no room for another one")


def test_batches_made_before_one_that_could_not_be_made_are_closed():
    rounds, learners = Rounds(), [Learner(), Learner()]
    for number, learner in enumerate(learners):
        rounds.add(learner, number)
    with pytest.raises(SharedFault, match="2 trials trained together"):
        rounds.round()
    rounds.close()
    assert learners[0].batch.is_closed
