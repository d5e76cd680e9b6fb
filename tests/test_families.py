"""d_int90 against D: which measurements make a family, and its figure."""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from command import main_here
from PIL import Image
from records import a_record, a_spec

from rlid.figures import families
from rlid.measurement.summary import summarise
from rlid.store.store import Store

NETWORKS = {"mlp:8x8": (130, 2), "mlp:20x20": (562, 4), "mlp:64x64": (4610, 4)}


def records_of(network, D, threshold, **changes):
    for d in (1, 2, 3, 4, 6, 8):
        for seed in range(5):
            status, score = ("solved", 490.0) if d >= threshold else ("unsolved", 100.0)
            spec = a_spec(network=network, d=d, seed=seed, **changes)
            yield a_record(spec=spec, D=D, status=status, score=score, dmax=8)


def summary_of(network, D, threshold, **changes):
    return summarise(list(records_of(network, D, threshold, **changes)))


def test_networks_of_one_task_agent_and_projection_make_a_family():
    summaries = [summary_of(name, *rest) for name, rest in NETWORKS.items()]
    summaries += [summary_of("mlp:20x20", 562, 4, agent="ppo")]
    summaries += [summary_of(name, *rest, budget=99) for name, rest in list(NETWORKS.items())[:2]]
    made = families.families(reversed(summaries))
    small, large = sorted(made, key=lambda family: len(family.members))
    assert [member.spec.network for member in large.members] == list(NETWORKS)
    assert [member.records[0].D for member in small.members] == [130, 562]
    assert small.stem(Path("a")) != large.stem(Path("a"))
    assert re.fullmatch(
        r"d_int90 between 2 and 4 \(2\.0 times, 95 % interval [0-9.]+-[0-9.]+\) "
        r"for D from 130 to 4,610 \(35 times\)",
        large.sentence,
    )


def test_a_factor_without_enough_seeds_has_no_interval_and_a_bracket_is_left_out():
    few = [
        summarise([record for record in records_of(name, *rest) if record.spec.seed < 3])
        for name, rest in list(NETWORKS.items())[:2]
    ]
    one_seed = [record for record in records_of("mlp:64x64", 4610, 4) if record.spec.seed == 0]
    (family,) = families.families([*few, summarise(one_seed)])
    assert [member.spec.network for member in family.answered] == ["mlp:8x8", "mlp:20x20"]
    assert "(2.0 times, without a closed interval)" in family.sentence


def test_thresholds_may_differ_between_networks_and_the_larger_measurement_counts():
    full = [summary_of(name, *rest, stop_score=rest[0]) for name, rest in NETWORKS.items()]
    few = list(records_of("mlp:8x8", 130, 6, stop_score=7))[:4]
    (family,) = families.families([*full, summarise(few)])
    assert len(family.members) == 3
    assert len(family.members[0].records) == 30


def test_a_single_network_is_no_family():
    assert families.families([summary_of("mlp:8x8", 130, 2)]) == []
    assert families.families([summary_of("mlp:8x8", 130, 2), summary_of("lenet", 44_426, 2)]) == []


def test_the_figure_shows_every_network_and_is_the_same_each_time(tmp_path):
    summaries = [summary_of(name, *rest) for name, rest in NETWORKS.items()]
    summaries.append(summary_of("mlp:256x256", 67_586, 99))
    few = [record for record in records_of("linear", 10, 3) if record.spec.seed < 2]
    summaries.append(summarise(few))
    (family,) = families.families(summaries)
    drawn = [families.draw(family, family.stem(tmp_path / name)) for name in ("a", "b")]
    for first, second in zip(*drawn, strict=True):
        assert first.read_bytes() == second.read_bytes()
    svg, png = drawn[0]
    shown = "".join(ET.parse(svg).getroot().itertext())
    for name in (*NETWORKS, "mlp:256x256", "linear"):
        assert name in shown
    with Image.open(png) as image:
        assert image.size[0] > 600


def test_the_command_draws_the_families_of_a_store(tmp_path, monkeypatch, capsys):
    store = Store(tmp_path / "store")
    monkeypatch.setattr(sys, "argv", ["rlid", "plot", "--family", "--store", str(store.folder)])
    for name, rest in list(NETWORKS.items())[:2]:
        for record in records_of(name, *rest):
            store.add(record)
    with pytest.raises(SystemExit) as caught:
        main_here()
    assert not caught.value.code
    assert "d_int90 between 2 and 4" in capsys.readouterr().out
    assert len(list((tmp_path / "store/plots").glob("family-cartpole-cmaes-onehot-*"))) == 2


def test_a_store_without_a_family_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    store = Store(tmp_path / "store")
    for record in records_of("mlp:8x8", 130, 2):
        store.add(record)
    monkeypatch.setattr(sys, "argv", ["rlid", "plot", "--family", "--store", str(store.folder)])
    with pytest.raises(SystemExit) as caught:
        main_here()
    assert caught.value.code == 2
    assert "measure a task with two networks" in capsys.readouterr().err
