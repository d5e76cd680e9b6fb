"""A stranger's folder of results: what is written there stays there, and is this run's own."""

import errno
import os

import pytest
from command import rlid_here
from measurements import a_published
from records import a_record
from site_folder import make, write

from rlid.errors import StoreError
from rlid.figures import plots, style, theme
from rlid.leaderboard import publish as publisher
from rlid.measurement import summarise
from rlid.store.store import Store

FIGURES = (".svg", "-scores.svg", "-curves.svg")


def link_to(target, path):
    """Put a link to a new file in the place of `path`."""
    path.unlink(missing_ok=True)
    target.write_text("not a figure")
    path.symlink_to(target)


def test_a_link_of_a_figures_or_a_pages_name_is_replaced_and_not_followed(tmp_path):
    folder, published = tmp_path / "results", a_published()
    make(folder, [published])
    target = publisher.path(published, folder)
    paths = [target.with_name(f"{target.stem}{ending}") for ending in (*FIGURES, ".html")]
    paths += [folder / "index.html", folder / "figures" / "relative.svg"]
    paths.append(target.with_name("family.svg"))
    for number, path in enumerate(paths):
        link_to(tmp_path / f"elsewhere{number}", path)
    write(folder)
    kept = [tmp_path / f"elsewhere{number}" for number in range(len(paths))]
    assert {path.read_text() for path in kept} == {"not a figure"}
    drawn = [path for path in paths if not path.is_symlink()]
    assert {"index.html", "relative.svg", f"{target.stem}.svg"} <= {path.name for path in drawn}


def test_figures_are_not_written_into_a_folder_that_is_a_link(tmp_path):
    folder, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    make(folder, [a_published()])
    (folder / "figures").rename(elsewhere)
    (folder / "figures").symlink_to(elsewhere)
    (folder / "index.html").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in elsewhere.iterdir()}
    done = rlid_here("leaderboard", "--out", folder, cwd=tmp_path)
    assert done.returncode == 74
    assert done.stderr.splitlines()[-1].endswith("results/figures is a symbolic link")
    assert {path.name: path.stat().st_mtime_ns for path in elsewhere.iterdir()} == before
    assert not list(folder.glob("leaderboard.*"))
    assert not (folder / "index.html").exists()


def test_a_measurement_is_not_published_into_a_folder_that_is_a_link(tmp_path):
    published, elsewhere = a_published(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "cartpole").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="cartpole is a symbolic link"):
        publisher.write(published, Store(tmp_path / "store"), folder)
    assert not list(elsewhere.iterdir())


def test_an_answer_is_not_derived_anew_behind_a_folder_that_is_a_link(tmp_path):
    changed = a_published()
    answer = changed.answer.model_copy(update={"d_int90": 19})
    changed = changed.model_copy(update={"answer": answer})
    changed = changed.model_copy(update={"sha256": changed.digest()})
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "results"
    source = elsewhere / publisher.path(changed, folder).name
    elsewhere.mkdir()
    source.write_text(changed.dump())
    folder.mkdir()
    (folder / "cartpole").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="cartpole is a symbolic link"):
        publisher.derive_again(folder / "cartpole" / source.name)
    assert source.read_text() == changed.dump()


def test_the_figures_of_a_store_are_not_drawn_into_a_folder_that_is_a_link(tmp_path):
    store, elsewhere = Store(tmp_path / "store"), tmp_path / "elsewhere"
    store.add(a_record())
    elsewhere.mkdir()
    (store.folder / "plots").symlink_to(elsewhere)
    summary = summarise(list(store.records()))
    with pytest.raises(StoreError, match="plots is a symbolic link"):
        plots.stem(store.folder, summary)
    done = rlid_here("plot", "--store", store.folder, "--kind", "curves", cwd=tmp_path)
    assert (done.returncode, list(elsewhere.iterdir())) == (74, [])


def test_the_style_for_dark_screens_is_not_written_through_a_link(tmp_path):
    target = tmp_path / "elsewhere.svg"
    target.write_text('<svg width="1"><path style="stroke: #2166ac"/></svg>')
    before = target.read_text()
    (tmp_path / "link.svg").symlink_to(target)
    with pytest.raises(ValueError, match="a symbolic link"):
        theme.apply(tmp_path / "link.svg")
    assert target.read_text() == before


def test_a_figure_that_does_not_fit_on_the_disk_is_named_and_the_old_one_stays(
    tmp_path, monkeypatch
):
    def fail(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "figure.svg").write_text("before")
    monkeypatch.setattr(os, "fsync", fail)
    with (
        style.drawing(style.LIGHT, 2, 2) as (figure, _),
        pytest.raises(OSError, match="No space") as caught,
    ):
        style.save(figure, tmp_path / "figure", ("svg",))
    assert caught.value.filename == str(tmp_path / "figure.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["figure.svg"]
    assert (tmp_path / "figure.svg").read_text() == "before"
