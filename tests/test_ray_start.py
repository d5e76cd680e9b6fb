"""What rlid asks of Ray, and says where Ray does not start; a stand-in takes the place of Ray."""

import sys
import types

import pytest

from rlid.engine import Place, make_engine
from rlid.engine.process import THREADS
from rlid.errors import EngineError


@pytest.fixture
def ray(monkeypatch):
    """Put a module in the place of ray that notes what its tasks ask for."""
    module = types.ModuleType("ray")
    module.asked = {}

    def remote(**options):
        module.asked.update(options)
        return lambda function: function

    module.init, module.remote, module.shutdown = lambda **options: None, remote, lambda: None
    monkeypatch.setitem(sys.modules, "ray", module)
    return module


@pytest.mark.parametrize("error", [Exception, RuntimeError, ConnectionError, ValueError])
@pytest.mark.parametrize("address", [None, "10.0.0.1:6379"])
def test_a_cluster_that_does_not_start_is_one_line(ray, error, address):
    def init(**options):
        raise error("The current node timed out during startup.\nmore")

    ray.init = init
    with pytest.raises(EngineError) as refusal:
        make_engine(Place("ray", address=address), 60.0)
    where = address or "local"
    assert str(refusal.value) == (
        f"no Ray cluster at {where}: The current node timed out during startup."
    )


def test_a_task_of_several_cpus_computes_in_one_thread_as_a_local_worker_does(ray):
    make_engine(Place("ray", cpus=4), 60.0)
    assert ray.asked["num_cpus"] == 4
    assert ray.asked["runtime_env"] == {"env_vars": dict.fromkeys(THREADS, "1")}
