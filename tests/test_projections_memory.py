"""A projection that does not fit into memory is refused before it is drawn."""

import pytest

from rlid.errors import DoesNotFit
from rlid.projections import PROJECTIONS, make, memory


def test_a_projection_too_large_for_memory_is_refused_and_kinds_that_fit_are_named(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 16_000_000_000)
    with pytest.raises(DoesNotFit, match="24.2 GB of memory and 12.8 GB") as caught:
        make("dense", D=1_005_974, d=6000, seed=0)
    fitting = str(caught.value).split("these fit: ")[1].split(", ")
    assert fitting == ["fastfood", "kronecker", "onehot", "sparse"]
    assert memory.available_bytes() > 0


@pytest.mark.parametrize("kind", list(PROJECTIONS))
@pytest.mark.parametrize(
    ("D", "d"), [(1, 1), (3, 2), (67, 9), (562, 20), (199_210, 4), (5000, 4999)]
)
def test_the_bound_for_all_kinds_is_at_least_the_peak_of_each_kind(kind, D, d):
    d = D if PROJECTIONS[kind].is_square else d
    assert PROJECTIONS[kind].peak_bytes(D, d, 8) <= memory.enough_for_any(D, d)


def test_available_memory_is_positive_and_below_a_petabyte():
    assert 0 < memory.available_bytes() < 1e15
