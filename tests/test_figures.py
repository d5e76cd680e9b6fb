"""Figures of several measurements, learning curves, dark pages, and ticks that do not touch."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from command import main_here
from PIL import Image
from records import a_record, a_spec

from rlid.figures import beside, curves, style
from rlid.measurement import summarise
from rlid.store.store import Store


def records_of(threshold, dims=(1, 2, 4, 8), **changes):
    for d in dims:
        for seed in range(5):
            solved = d >= threshold
            yield a_record(
                spec=a_spec(d=d, seed=seed, **changes),
                status="solved" if solved else "unsolved",
                score=490.0 if solved else 100.0,
                curve=[(1000 * step, 50.0 * step + seed) for step in range(1, 10)],
                dmax=8,
            )


def summary_of(threshold, **changes):
    return summarise(records_of(threshold, **changes))


def text_of(path):
    return "".join(ET.parse(path).getroot().itertext())


class TestCurves:
    def test_every_d_has_a_panel_that_says_how_many_trials_solved_it(self, tmp_path):
        text = text_of(curves.draw(list(records_of(4)), tmp_path / "curves.svg"))
        for d, solved in ((1, 0), (2, 0), (4, 5), (8, 5)):
            assert f"d = {d}: {solved} of 5 solved" in text

    def test_the_middle_curve_is_the_median_of_the_seeds(self):
        of_one_d = [record for record in records_of(4) if record.spec.d == 1]
        steps, (low, middle, high) = curves.quartiles(of_one_d)
        assert middle == pytest.approx(steps / 1000 * 50 + 2)
        assert np.all(low < middle)
        assert np.all(middle < high)

    def test_a_trial_that_ended_early_keeps_its_last_score(self):
        early = a_record(curve=[(100, 10.0), (200, 500.0)])
        late = a_record(curve=[(100, 10.0), (1000, 500.0)])
        steps, levels = curves.quartiles([early, late])
        assert steps[-1] == 1000
        assert levels[:, -1] == pytest.approx([500.0] * 3)

    def test_of_many_d_some_are_drawn_the_first_and_the_last_among_them(self):
        drawn = curves.spread(list(range(1, 101)), 16)
        assert (len(set(drawn)), drawn[0], drawn[-1]) == (16, 1, 100)

    def test_a_trial_that_failed_half_way_is_in_no_curve_and_does_not_count_as_unsolved(
        self, tmp_path
    ):
        failed = a_record(
            spec=a_spec(d=4, seed=9), status="error", score=None, reason="broken", curve=[(9, 1.0)]
        )
        records = [*records_of(4), failed]
        assert "d = 4: 5 of 5 solved" in text_of(curves.draw(records, tmp_path / "curves.svg"))
        assert curves.draw([failed], tmp_path / "curves.svg") is None

    def test_records_without_curves_give_no_figure(self, tmp_path):
        assert curves.draw([a_record(curve=[])], tmp_path / "curves.svg") is None


class TestBeside:
    def test_agents_of_one_task_stand_in_one_figure_the_best_first(self, tmp_path):
        summaries = [summary_of(8, agent="ppo"), summary_of(2, agent="cmaes")]
        (lineup,) = beside.lineups(summaries, "agents")
        assert [member.spec.agent for member in lineup.members] == ["cmaes", "ppo"]
        svg, png = lineup.draw(tmp_path / "agents")
        assert "cmaes" in text_of(svg)
        assert png.is_file()

    def test_agents_of_different_tasks_or_rules_are_not_held_against_each_other(self):
        others = [summary_of(2, task="acrobot"), summary_of(2, agent="ppo")]
        assert beside.lineups(others, "agents") == []

    def test_budgets_of_one_agent_stand_in_one_figure(self, tmp_path):
        summaries = [summary_of(2, budget=90_000), summary_of(8, budget=1000)]
        (lineup,) = beside.lineups(summaries, "budgets")
        assert [member.spec.budget for member in lineup.members] == [1000, 90_000]
        assert "budget of a trial" in text_of(lineup.draw(tmp_path / "budgets")[0])

    def test_two_agents_with_one_budget_each_are_no_figure_of_budgets(self):
        summaries = [summary_of(2, budget=90_000), summary_of(8, agent="ppo", budget=1000)]
        assert beside.lineups(summaries, "budgets") == []


@pytest.mark.parametrize(("low", "high"), [(1, 2), (3, 10), (1, 100), (1, 1e6), (2, 1e12)])
def test_round_ticks_are_few_and_apart(low, high):
    ticks = style.round_ticks(low, high)
    assert 1 <= len(ticks) <= style.MOST_ROUND_TICKS
    for tick, next_tick in zip(ticks, ticks[1:], strict=False):
        assert next_tick / tick >= style.LEAST_GAP


def test_a_dark_figure_is_dark_and_a_light_one_light(tmp_path):
    lineup = beside.lineups([summary_of(2), summary_of(4, agent="ppo")], "agents")[0]
    for palette, is_dark in ((style.DARK, True), (style.LIGHT, False)):
        _, png = lineup.draw(tmp_path / f"{is_dark}", palette)
        with Image.open(png) as image:
            assert (sum(image.convert("RGB").getpixel((2, 2))) < 150) is is_dark


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("figures") / "store")
    for changes in ({}, {"agent": "ppo"}, {"budget": 77}, {"network": "mlp:8x8"}):
        for record in records_of(4, **changes):
            store.add(record)
    return store.folder


class TestCommand:
    def plot(self, folder, monkeypatch, capsys, *arguments):
        monkeypatch.setattr("sys.argv", ["rlid", "plot", "--store", str(folder), *arguments])
        with pytest.raises(SystemExit) as caught:
            main_here()
        return caught.value.code, capsys.readouterr()

    def test_every_kind_is_drawn_where_there_is_data_for_it(
        self, folder, tmp_path, monkeypatch, capsys
    ):
        code, said = self.plot(folder, monkeypatch, capsys, "--out", str(tmp_path))
        assert code == 0
        drawn = {path.name.partition("-")[0] for path in tmp_path.iterdir()}
        assert {"cartpole", "family", "agents", "budgets"} <= drawn
        assert len(list(tmp_path.glob("*-curves.svg"))) == 4
        assert all(line.endswith((".svg", ".png")) or ":" in line for line in said.out.splitlines())

    def test_a_single_kind_can_be_asked_for(self, folder, tmp_path, monkeypatch, capsys):
        options = ("--out", str(tmp_path), "--kind", "budgets", "--dark")
        assert self.plot(folder, monkeypatch, capsys, *options)[0] == 0
        assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"budgets"}

    def test_an_unknown_kind_is_one_line(self, folder, monkeypatch, capsys):
        code, said = self.plot(folder, monkeypatch, capsys, "--kind", "budget")
        assert code == 2
        assert "did you mean 'budgets'" in said.err
