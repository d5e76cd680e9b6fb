"""The Python face: what `import rlid` offers, and what a measurement shows and gives."""

import inspect
import json
import subprocess
import sys
import types
import typing

import numpy as np
import pytest

import rlid
from rlid.api import progress
from rlid.api.tables import COLUMNS
from rlid.errors import InputError

FACE = {"measure", "load", "compare", "wrap", "projections", "Measurement", "__version__"}


@pytest.fixture
def stored(quick_store):
    return rlid.load(quick_store.folder)


@pytest.fixture
def quick(stored):
    (measurement,) = stored
    return measurement


@pytest.fixture
def repeated(quick_store, workers_find_fixtures):
    """The measurement of `quick_store` asked for again: all of its trials are in the store."""
    options = {"imports": ("hostile",), "network": "mlp:4", "budget": 3000}
    return lambda **others: rlid.measure(
        "gym:Quick-v0", dmax=5, seeds=5, jobs=1, store=quick_store.folder, **options, **others
    )


def test_dir_lists_what_there_is_and_every_name_works():
    assert set(dir(rlid)) >= FACE
    assert all(getattr(rlid, name) is not None for name in dir(rlid))
    assert rlid.projections.PROJECTIONS is rlid.PROJECTIONS
    with pytest.raises(AttributeError, match="no attribute 'mesure'"):
        _ = rlid.mesure


def test_looking_at_the_names_imports_no_torch():
    names = "dir(rlid), rlid.__version__, rlid.projections"
    code = f"import rlid, sys; {names}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_argument_of_measure_has_a_type_and_a_line_of_documentation():
    hints = typing.get_type_hints(rlid.measure)
    text = inspect.getdoc(rlid.measure)
    for name in inspect.signature(rlid.measure).parameters:
        assert name in hints
        assert f"\n    {name}: " in text, name
    assert hints["return"] is rlid.Measurement


def test_a_measurement_is_one_line_and_says_its_answer(repeated, quick):
    fresh = repeated()
    assert fresh.trials_run == 0
    assert repr(fresh) == f"<Measurement {fresh.sentence}>"
    assert "\n" not in repr(fresh)
    assert len(repr(fresh)) < 200
    assert fresh.d_int90 == quick.d_int90 == quick.estimate.d_int90
    assert fresh.interval == quick.interval
    assert fresh.name == quick.name
    assert fresh.sentence == quick.sentence
    assert fresh.to_json()["d_int90"] == quick.to_json()["d_int90"]
    assert fresh.judgement == quick.judgement
    assert fresh.plan.task.name == "gym:Quick-v0"
    with pytest.raises(InputError, match="loaded from a store has no plan"):
        _ = quick.plan


def test_a_notebook_shows_the_answer_a_table_and_the_figure(quick):
    page = quick._repr_html_()
    assert quick.sentence in page
    assert page.count("<tr>") == 1 + len(quick.estimate.curve)
    assert 'src="data:image/png;base64,' in page


def test_texts_in_a_notebook_are_escaped(stored, monkeypatch):
    (measurement,) = stored
    monkeypatch.setattr(rlid.Measurement, "sentence", "<script>alert(1)</script>")
    assert "<script>" not in measurement._repr_html_()
    monkeypatch.setattr(rlid.Measurement, "name", "<b>name")
    assert "<b>name" not in stored._repr_html_()


def test_the_trials_are_a_table_with_a_row_each(quick):
    pytest.importorskip("pandas")
    table = quick.to_dataframe()
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(quick.records)
    for row, record in zip(table.itertuples(), quick.records, strict=True):
        assert (row.d, row.seed, row.score) == (record.spec.d, record.spec.seed, record.score)
        assert row.solved is (record.status == "solved")
    shares = table.groupby("d")["solved"].mean()
    for point in quick.estimate.curve:
        assert shares[point.d] == point.successes / point.n


def test_without_pandas_the_command_that_installs_it_is_named(quick, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'rlid\[pandas\]'"):
        quick.to_dataframe()


def test_a_plot_is_a_figure_that_may_be_written(quick, tmp_path):
    figure = quick.plot(tmp_path / "new" / "quick.svg")
    assert len(figure.axes) == 2
    assert (tmp_path / "new" / "quick.svg").read_text().startswith("<?xml")
    with pytest.raises(InputError, match="must end in one of .*png"):
        quick.plot(tmp_path / "quick.odt")


def test_a_policy_is_that_of_the_smallest_solved_trial_or_of_the_one_named(quick, stored):
    solved = [record for record in quick.records if record.status == "solved"]
    policy = quick.policy()
    assert len(policy.file.z) == min(record.spec.d for record in solved)
    record = solved[-1]
    named = quick.policy(d=record.spec.d, seed=record.spec.seed)
    assert np.array_equal(named.file.z, quick.z(record))
    assert np.array_equal(stored.policy(record).theta, named.theta)
    assert named.problem.subspace.theta_sha256(named.file.z) == record.theta_sha256
    with pytest.raises(InputError, match="no solved trial with d = 4999"):
        quick.policy(d=4999)
    with pytest.raises(InputError, match="no solved trial with seed = 77"):
        quick.policy(seed=77)


def test_a_store_is_a_sequence_that_names_select_from(stored, quick, quick_store):
    assert len(stored) == 1
    assert stored[0] is quick
    assert stored["gym:Quick-v0"] is quick
    assert stored[quick.name] is quick
    assert quick.sentence in repr(stored)
    assert {record.key for record in quick.records} < {record.key for record in stored.trials}
    assert np.array_equal(stored.z(quick.records[0]), quick_store.z(quick.records[0]))
    assert len(rlid.load(quick_store.folder, task="cartpole")) == 0
    with pytest.raises(InputError, match="no measurement is named 'pong'"):
        stored["pong"]
    with pytest.raises(IndexError):
        stored[1]


def test_a_store_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no store at .*nowhere"):
        rlid.load(tmp_path / "nowhere")


def test_a_comparison_with_itself_is_undecided_and_of_ratio_one(quick):
    result = rlid.compare(quick, quick)
    assert result.ratio == 1
    assert result.verdict == "undecided"
    with pytest.raises(TypeError, match="two measurements, of rlid.measure or rlid.load"):
        rlid.compare(quick, "cartpole")


def test_a_settings_file_is_used_and_what_is_given_beside_it_comes_first(tmp_path):
    store = tmp_path / "store"
    path = tmp_path / "settings.yaml"
    path.write_text("sigma0: 0.25\n")
    options = {"dims": [1], "search": "grid", "seeds": 1, "jobs": 1, "store": store}
    options |= {"budget": 300, "reference": 500.0, "agent": "cmaes"}
    fresh = rlid.measure("cartpole", config=path, **options)
    assert fresh.records[0].spec.settings["sigma0"] == 0.25
    beside = rlid.measure("cartpole", config=path, settings=["sigma0=0.5"], **options)
    assert beside.records[0].spec.settings["sigma0"] == 0.5
    with pytest.raises(InputError, match="No such file"):
        rlid.measure("cartpole", config=tmp_path / "none.yaml", **options)


class Display:
    """Stands for IPython.display: keeps what is shown, and what it becomes."""

    def __init__(self):
        self.shown = []
        self.HTML = str

    def display(self, content, display_id=False):
        self.shown.append(content)
        return types.SimpleNamespace(update=self.shown.append)


def refusal(**options):
    with pytest.raises(InputError) as refused:
        rlid.measure("cartpole", dims=[2], **options)
    return str(refused.value)


def test_settings_are_a_mapping_or_texts(monkeypatch):
    seen = []

    def ask(**options):
        seen.append((options["settings"], options["imports"]))
        raise InputError("far enough")

    monkeypatch.setattr("rlid.api.measuring.ask", ask)
    for settings in ({"lr": 0.001, "adapt": True, "seed": None}, ["lr=0.001"], "lr=0.001", ()):
        assert refusal(settings=settings, imports="hostile") == "far enough"
    assert [settings for settings, _ in seen] == [
        ("lr=0.001", "adapt=true", "seed=none"), ("lr=0.001",), ("lr=0.001",), ()
    ]  # fmt: skip
    assert {imports for _, imports in seen} == {("hostile",)}


@pytest.mark.parametrize("settings", [[("lr", 0.001)], {"lr", 3}])
def test_settings_of_another_kind_are_refused_with_what_is_right(settings):
    line = refusal(settings=settings)
    assert 'give a mapping {"lr": 0.001}, or texts ["lr=0.001"]' in line
    assert "\n" not in line


def test_a_text_names_one_package_to_import():
    line = refusal(imports="no_such_module_here")
    assert line.startswith("--import no_such_module_here raised ModuleNotFoundError")


def test_a_debugger_that_traces_changes_nothing():
    before = sys.gettrace()

    def trace(frame, event, argument):
        # On Python 3.12 and later this puts the variables of a comprehension into its function's.
        assert frame.f_locals is not None
        return trace if "measuring" in frame.f_code.co_filename else None

    sys.settrace(trace)
    try:
        with pytest.raises(InputError, match="name at least one d"):
            rlid.measure("cartpole", dims=[])
    finally:
        sys.settrace(before)


def test_a_notebook_has_one_line_of_progress_that_is_renewed(monkeypatch, repeated):
    display = Display()
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(
        sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell, display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    assert progress.is_notebook()
    line = progress.ProgressLine()
    line.round(5, 3)
    assert "0/3 trials" in display.shown[-1]
    line.trial(types.SimpleNamespace(is_missing=False), None)
    assert "1/3 trials" in display.shown[-1]
    line.note("<b>news</b>")
    assert "&lt;b&gt;news" in display.shown[-1]
    line.close()
    assert len(display.shown) == 4
    repeated()
    assert "0/0 trials" in display.shown[-1]
    count = len(display.shown)
    repeated(progress=False)
    assert len(display.shown) == count


def test_outside_of_a_notebook_nothing_is_shown(repeated, capsys):
    repeated()
    assert capsys.readouterr() == ("", "")


def test_the_answer_in_json_can_be_written(quick):
    assert json.loads(json.dumps(quick.to_json()))["name"] == quick.name
