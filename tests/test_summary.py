"""What a store shows: measurements by name, warnings about the budget, comparisons."""

import json
import sys

import pytest
from command import main_here
from records import a_record, a_spec

from rlid.leaderboard.yardstick import ratio
from rlid.measurement.names import select
from rlid.measurement.summary import is_improving, measurements, summarise
from rlid.store.store import Store


def records_of(threshold, *, agent="cmaes", seeds=6, dims=(1, 2, 4, 8, 16)):
    """Trials of a task that every seed solves from `threshold` on."""
    for d in dims:
        for seed in range(seeds):
            status, score = ("solved", 490.0) if d >= threshold else ("unsolved", 100.0)
            spec = a_spec(agent=agent, d=d, seed=seed)
            yield a_record(spec=spec, status=status, score=score, dmax=20)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    for threshold, agent in ((2, "cmaes"), (16, "ppo")):
        for record in records_of(threshold, agent=agent):
            made.add(record)
    return made


def command(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["rlid", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main_here()
    return caught.value.code, capsys.readouterr()


def test_measurements_are_told_apart_and_do_not_depend_on_the_order_of_records(store):
    found = measurements(store)
    assert [item.spec.agent for item in found] == ["cmaes", "ppo"]
    for item in found:
        assert summarise(reversed(item.records)) == summarise(item.records)
    assert found[0].estimate.d_int90 == 2
    assert found[1].estimate.d_int90 in range(9, 17)


def test_direct_training_for_the_reference_is_no_measurement(store):
    store.add(a_record(spec=a_spec(projection="identity", seed=2**32, d=562)))
    assert len(measurements(store)) == 2


def test_a_measurement_is_named_by_the_start_of_its_path(store):
    found = measurements(store)
    assert select(found, "cartpole/ppo").spec.agent == "ppo"
    assert select(found, found[0].path) == found[0]
    with pytest.raises(ValueError, match="several measurements are named 'cartpole'"):
        select(found, "cartpole")
    with pytest.raises(ValueError, match="no measurement is named 'cart'"):
        select(found, "cart")


def test_compare_says_which_is_harder(store, monkeypatch, capsys):
    code, said = command(
        monkeypatch, capsys, "compare", "cartpole/ppo", "cartpole/cmaes", "--store", store.folder
    )
    assert code == 0
    assert "A is harder than B" in said.out
    code, said = command(
        monkeypatch, capsys, "compare", "cartpole/cmaes", "cartpole/ppo", "--json",
        "--store", store.folder,
    )  # fmt: skip
    result = json.loads(said.out)
    assert result["verdict"] == "easier"
    assert result["ratio_high"] < 1
    assert result["probability_a_harder"] < 0.03


def test_a_measurement_is_not_harder_than_itself(store, monkeypatch, capsys):
    code, said = command(
        monkeypatch, capsys, "compare", "cartpole/ppo", "cartpole/ppo", "--store", store.folder
    )
    assert code == 0
    assert "undecided" in said.out


def rising(n=40, slope=1.0):
    return [(step, slope * step + (step % 3)) for step in range(n)]


def test_an_unsolved_trial_whose_curve_rises_to_the_end_is_improving():
    unsolved = {"status": "unsolved", "score": 100.0}
    assert is_improving(a_record(curve=rising(), **unsolved))
    assert not is_improving(a_record(curve=rising(slope=0.0), **unsolved))
    assert not is_improving(a_record(curve=rising(slope=-1.0), **unsolved))
    assert not is_improving(a_record(curve=rising(4), **unsolved))
    assert not is_improving(a_record(curve=rising()))


def test_show_warns_when_the_answer_hangs_on_the_budget(tmp_path, monkeypatch, capsys):
    store = Store(tmp_path / "store")
    for record in records_of(4, dims=(3, 4), seeds=6):
        unsolved_here = record.spec.d == 4 and record.spec.seed == 0
        if unsolved_here:
            record = record.model_copy(
                update={"status": "unsolved", "score": 300.0, "curve": rising()}
            )
        store.add(record)
    code, said = command(monkeypatch, capsys, "show", "--store", store.folder)
    assert code == 0
    assert "1 unsolved trial next to the threshold had not levelled off" in said.err


class TestScale:
    """Every measurement stands beside MNIST's."""

    def of_mnist(self, threshold, **changes):
        fields = {"task": "mnist", "network": "mlp:200x200", "agent": "adam", **changes}
        for d in (250, 500, 1000):
            for seed in range(6):
                status, score = ("solved", 490.0) if d >= threshold else ("unsolved", 100.0)
                spec = a_spec(**fields, d=d, seed=seed)
                yield a_record(spec=spec, status=status, score=score, dmax=1000)

    def test_the_ratio_is_that_of_the_two_answers(self, store, monkeypatch, capsys):
        for record in self.of_mnist(500):
            store.add(record)
        unit = next(item for item in measurements(store) if item.spec.task == "mnist")
        for asked in ([], ["cartpole"]):
            code, said = command(
                monkeypatch, capsys, "show", *asked, "--json", "--store", store.folder
            )
            rows = {(row["task"], row["agent"]): row for row in json.loads(said.out)}
            found = rows["cartpole", "cmaes"]
            assert found["of_mnist"]["value"] == found["d_int90"] / unit.estimate.d_int90
            assert not found["of_mnist"]["is_above"]
            assert not found["of_mnist"]["is_least"]
        code, said = command(monkeypatch, capsys, "show", "--store", store.folder)
        assert not code
        assert "/MNIST" in said.out

    def test_a_bound_is_called_one(self, tmp_path):
        store = Store(tmp_path)
        for record in self.of_mnist(500):
            store.add(record)
        item = measurements(store)[0]
        assert str(ratio(item, [item])) == "1"
        # All trials of the smallest d succeed, so that a smaller one may do.
        assert str(ratio(summarise(self.of_mnist(250)), [item])).startswith("at most 0.")
        least = [record.model_copy(update={"dmin": 250}) for record in self.of_mnist(250)]
        assert str(ratio(summarise(least), [item])).startswith("at most 0.")

    def test_the_ratio_is_missing_without_mnist_or_with_another_network(self, store):
        item = measurements(store)[0]
        assert ratio(item, []) is None
        for changes in ({"network": "lenet"}, {"agent": "cmaes"}):
            assert ratio(item, [summarise(self.of_mnist(500, **changes))]) is None

    def test_a_star_marks_that_mnist_was_judged_by_another_rule(self, store):
        item = measurements(store)[0]
        own, by_paper = list(self.of_mnist(500)), list(self.of_mnist(1000))
        by_paper = [record.model_copy(update={"rule": "paper"}) for record in by_paper]
        found = ratio(item, [summarise(by_paper)])
        assert (found.other_rule, str(found)[-1]) == ("paper", "*")
        assert ratio(item, [summarise(by_paper), summarise(own)]) == ratio(item, [summarise(own)])

    def test_above_dmax_it_is_a_bound(self, store):
        unit = summarise(self.of_mnist(500))
        above = summarise(records_of(99, dims=(5, 10, 20)))
        found = ratio(above, [unit])
        assert str(found).startswith("> ")
        assert found.value == 20 / unit.estimate.d_int90
