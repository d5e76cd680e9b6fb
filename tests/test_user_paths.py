"""A path that a user gives is written only where no file of another kind is lost."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from policies import a_file
from typer.testing import CliRunner

from rlid.cli.app import app
from rlid.errors import InputError
from rlid.measurement.summary import measurements
from rlid.policies import export, saving, video
from rlid.policies import report as policy_report
from rlid.policies.policy import Policy
from rlid.store import plain_target

pytestmark = pytest.mark.usefixtures("workers_find_fixtures")


@pytest.fixture(scope="module")
def made(quick_store):
    (summary,) = measurements(quick_store)
    return export.export(summary, quick_store, ["hostile"])


def refused(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(done.exception, InputError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def test_a_pipe_and_a_folder_are_no_plain_target_and_a_link_leads_to_its_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link-to-pipe").symlink_to("pipe")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("pipe", "link-to-pipe", "circle", "."):
        with pytest.raises(InputError, match="is no plain file: give the name of a new one"):
            plain_target(tmp_path / name)
    (tmp_path / "link").symlink_to("folder/file")
    assert plain_target(tmp_path / "link") == (tmp_path / "folder" / "file").resolve()
    assert plain_target(tmp_path / "new") == tmp_path / "new"


def test_a_policy_and_its_report_are_written_through_links(made, tmp_path):
    (tmp_path / "deep").mkdir()
    for suffix in (".rlid", ".json"):
        (tmp_path / f"p{suffix}").symlink_to(f"deep/target{suffix}")
    for _ in range(2):
        saving.check_target(tmp_path / "p.rlid")
        saving.save(*made, tmp_path / "p.rlid")
    assert (tmp_path / "p.rlid").is_symlink()
    assert Policy.load(tmp_path / "deep" / "target.rlid", ["hostile"])
    assert policy_report.load(tmp_path / "deep" / "target.json") == made[1]


def test_an_export_overwrites_no_file_of_another_kind(tmp_path):
    with pytest.raises(InputError, match=r"the report beside the policy: use p\.rlid"):
        saving.check_target(tmp_path / "p.json")
    (tmp_path / "cartpole.json").write_text('{"settings": 1}')
    with pytest.raises(InputError, match=r"cartpole\.json, which is no report of a policy"):
        saving.check_target(tmp_path / "cartpole.rlid")
    (tmp_path / "thesis.txt").write_text("chapter 1")
    with pytest.raises(InputError, match=r"thesis\.txt, which is no policy file"):
        saving.check_target(tmp_path / "thesis.txt")
    (tmp_path / "empty.rlid").touch()
    saving.check_target(tmp_path / "empty.rlid")


def test_commands_refuse_a_pipe_before_anything_is_run(tmp_path, quick_store):
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    store = ("--store", quick_store.folder)
    words = "is no plain file"
    assert words in refused("export", "gym:Quick-v0/cmaes", *store, "--out", pipe)
    assert words in refused("check", "cartpole", "--max-dint", 3, "--junit", pipe)
    pytest.importorskip("imageio_ffmpeg", reason="needs the extra 'video'")
    (tmp_path / "p.rlid").write_bytes(a_file().dump())
    assert words in refused("play", tmp_path / "p.rlid", "--video", pipe)
    assert pipe.is_fifo()


def test_a_recording_that_fails_leaves_the_earlier_video_as_it_was(tmp_path, monkeypatch):
    def fail(path, *_, **__):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(video, "_writer", lambda: SimpleNamespace(write_frames=fail))
    (tmp_path / "p.rlid").write_bytes(a_file().dump())
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    with pytest.raises(InputError, match=r"--video out\.mp4 cannot be written: no space left"):
        video.record(Policy.load(tmp_path / "p.rlid"), tmp_path / "out.mp4", 1)
    assert (tmp_path / "out.mp4").read_bytes() == b"earlier"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_without_published_results_is_left_as_it_was(tmp_path):
    (tmp_path / "index.html").write_text("<p>mine</p>")
    (tmp_path / "app").mkdir()
    message = refused("leaderboard", "--out", tmp_path)
    assert message.startswith(f"no published results in '{tmp_path}'")
    (tmp_path / "app" / "package.json").write_text("{}")
    assert "no published results" in refused("leaderboard", "--out", tmp_path)
    assert (tmp_path / "index.html").read_text() == "<p>mine</p>"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app", "index.html"]
