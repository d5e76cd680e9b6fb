"""What `rlid show` and `rlid list agents NAME` print."""

import re

import pytest
from command import rlid_here
from records import a_record, a_spec

import rlid
from rlid.agent import AGENTS, described_settings
from rlid.agent import settings as settings_of
from rlid.cli.shown import names_of, print_summaries
from rlid.measurement import measurements
from rlid.measurement.names import select
from rlid.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    for budget in (100_000, 200_000):
        for task in ("mountaincar_continuous", "cartpole"):
            for d, status in ((1, "unsolved"), (2, "solved"), (3, "solved")):
                for seed in range(5):
                    spec = a_spec(task=task, d=d, seed=seed, budget=budget)
                    made.add(a_record(spec=spec, status=status, score=100.0 * d))
    return made


@pytest.fixture
def given_store(tmp_path):
    """A run of CartPole with a user's figure that is the shipped reference, and its trial."""
    folder = tmp_path / "given"
    options = {"dims": [1], "search": "grid", "seeds": 1, "budget": 100, "jobs": 1}
    rlid.measure(
        "cartpole", reference=500.0, reference_source="the most there is", store=folder, **options
    )
    return Store(folder)


@pytest.mark.parametrize("columns", [60, 80, 110, 200])
def test_a_table_breaks_no_line_and_no_word_at_any_width(store, capsys, columns):
    summaries = measurements(store)
    print_summaries([(summary, None, None) for summary in summaries], columns)
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line.startswith(("mountain", "cartpole"))]
    assert [row.split()[0] for row in rows] == names_of(summaries)
    table = out.splitlines()[: 1 + len(summaries)]
    widest = max(len(line.rstrip()) for line in table)
    assert widest <= max(columns, max(map(len, names_of(summaries))))
    assert ("not shown at this width" in out) == (columns < 200)


def test_every_name_can_be_typed_back(store):
    summaries = measurements(store)
    for summary, name in zip(summaries, names_of(summaries), strict=True):
        assert select(summaries, name) is summary


def test_rows_that_look_alike_say_what_they_differ_by(store, capsys):
    print_summaries([(summary, None, None) for summary in measurements(store)], 200)
    out = capsys.readouterr().out
    assert out.count("budget 100,000") == 2
    assert out.count("budget 200,000") == 2


def test_a_reference_that_was_given_is_shown_with_its_source(given_store, tmp_path):
    said = rlid_here("show", "cartpole", "--details", "--store", given_store.folder, cwd=tmp_path)
    assert "reference given, from this source: the most there is" in said.stdout
    assert "reference by" not in said.stdout
    (summary,) = measurements(given_store)
    assert summary.reference.is_given


def test_a_name_shows_one_measurement_in_full(store, tmp_path):
    name = names_of(measurements(store))[0]
    said = rlid_here("show", name, "--store", store.folder, cwd=tmp_path)
    assert said.returncode == 0
    for words in ("protocol", "budget: ", "solved at", "15 trials", "reason"):
        assert words in said.stdout
    assert len([line for line in said.stdout.splitlines() if re.search(r"\d  solved ", line)]) == 10


@pytest.mark.parametrize("name", list(AGENTS))
def test_every_setting_of_every_agent_is_listed_with_its_type_and_default(name):
    described = described_settings(AGENTS[name])
    assert set(settings_of(AGENTS[name]())) <= {setting.name for setting in described}
    assert all(setting.type and setting.default for setting in described)
    assert not [setting for setting in described if setting.meaning.endswith(" al")]


def test_settings_are_described_in_the_words_of_the_agent(tmp_path):
    by_name = {setting.name: setting for setting in described_settings(AGENTS["cmaes"])}
    assert by_name["sigma0"].meaning == "initial standard deviation of a weight's change"
    assert by_name["population"].type == "whole number or none"
    assert by_name["scale"].type == "sqrt or none"
    said = rlid_here("list", "agents", "cmaes", cwd=tmp_path)
    assert "full_up_to" in said.stdout
    unknown = rlid_here("list", "agents", "cmae", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "did you mean 'cmaes'" in unknown.stderr


@pytest.mark.parametrize("arguments", [[], ["store"]])
def test_a_group_of_commands_alone_prints_its_help_line_by_line(tmp_path, arguments):
    said = rlid_here(*arguments, cwd=tmp_path)
    assert said.returncode == 0
    assert said.stderr == ""
    assert len(said.stdout.splitlines()) > 5
    assert said.stdout == rlid_here(*arguments, "-h", cwd=tmp_path).stdout


def test_the_version_is_printed(tmp_path):
    from importlib.metadata import version

    assert rlid_here("--version", cwd=tmp_path).stdout == f"rlid {version('rlid')}\n"
