"""The C parts on inputs that no caller of ours gives: see also faults/sanitized.py."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlid.evaluation import two_actions

SANITIZED = Path(__file__).parent / "faults" / "sanitized.py"


@pytest.mark.parametrize("first", [-(2**63), -1, 2**63 - 1])
def test_every_number_may_be_that_of_the_first_action(first):
    if two_actions.compiled is None:
        pytest.skip("installed without a C compiler")
    actions, room = np.zeros(1, np.int64), np.zeros(19, np.float32)
    where, x = np.zeros(1, np.int64), np.ones(1, np.float32)
    widths, theta = np.array([1], np.int64), np.array([0, 1, 0, 1], np.float32)
    two_actions.compiled.put(widths, room, theta, 0, 1e-12, 1e-12)
    out, doubts = np.zeros(1, np.float32), np.zeros(1, bool)
    ends, active = np.ones(1, np.int64), np.ones(1, bool)
    two_actions.compiled.choose(widths, room, x, where, ends, active, out, doubts, actions, first)
    # The second action is chosen; beyond the largest number it wraps around.
    assert actions[0] == (first + 1 if first < 2**63 - 1 else -(2**63))
    with pytest.raises(ValueError, match="do not belong together"):
        two_actions.compiled.choose(
            widths, room, x, where, ends, active, out, doubts, memoryview(bytearray(9))[1:], first
        )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler with sanitizers")
def test_no_input_makes_the_c_parts_leave_what_c_defines():
    done = subprocess.run(
        [sys.executable, str(SANITIZED), "500"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("accepted") == 3
