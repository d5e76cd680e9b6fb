"""Own data: images, tables and digits as tasks whose identity is their content."""

import random
import shutil

import numpy as np
import pytest
import torch
from own_data import CLASSES, flowers, photo, write_flowers, write_photos
from PIL import Image
from typer.testing import CliRunner

from rlid.cli.app import app
from rlid.datasets import DIGITS_SHA256, read_digits, read_image_folder, read_table
from rlid.errors import DataError, InputError
from rlid.measurement.plan import plan
from rlid.problem import make_problem
from rlid.simulators.make import make_network, make_world
from rlid.task import resolve


def parts_of(data):
    return [data.train, data.held_out, data.test]


def trained_score(name, network, steps=400):
    """The score on test rows of direct training by Adam, and that of knowing nothing."""
    task = resolve(name)
    world = make_world(task)
    shape = make_network(task, network, world)
    problem = make_problem(task, shape, "identity", shape.D, 0, world)
    z = torch.zeros(shape.D, requires_grad=True)
    adam, rng = torch.optim.Adam([z], 1e-2), np.random.default_rng(0)
    for _ in range(steps):
        adam.zero_grad()
        problem.loss(z, rng).backward()
        adam.step()
    score = problem.evaluate(z.detach().numpy()[None], (0,), "scoring").values
    return float(score[0, 0]), float(world.chance([0])[0])


class TestImages:
    def test_every_class_folder_is_a_class_and_every_image_is_in_one_part(self, tmp_path):
        data = read_image_folder(write_photos(tmp_path / "photos"))
        assert data.names == CLASSES
        assert data.shape == (1, 5, 6)
        assert [len(labels) for _, labels in parts_of(data)] == [62, 10, 18]
        rows = np.concatenate([inputs for inputs, _ in parts_of(data)])
        assert len(np.unique(rows, axis=0)) == 90
        for inputs, labels in parts_of(data):
            assert inputs.dtype == np.uint8
            assert np.array_equal((inputs.mean(1) - 50) // 60, labels)

    def test_names_and_order_of_files_change_neither_identity_nor_split(self, tmp_path):
        first = read_image_folder(write_photos(tmp_path / "a"))
        other = tmp_path / "b"
        for label, kind in enumerate(CLASSES):
            (other / kind).mkdir(parents=True)
            for index in range(30):
                photo(label, index).save(other / kind / f"x{29 - index}.bmp")
            (other / kind / ".hidden").write_text("no image")
        second = read_image_folder(other)
        assert first.sha256 == second.sha256
        for ours, theirs in zip(parts_of(first), parts_of(second), strict=True):
            assert np.array_equal(ours[0], theirs[0])
            assert np.array_equal(ours[1], theirs[1])

    def test_a_changed_pixel_label_or_name_of_a_class_is_another_data_set(self, tmp_path):
        seen = {read_image_folder(write_photos(tmp_path / "a")).sha256}
        changed = write_photos(tmp_path / "b")
        image = Image.open(changed / "cat" / "000.png")
        image.putpixel((0, 0), 255 - image.getpixel((0, 0)))
        image.save(changed / "cat" / "000.png")
        seen.add(read_image_folder(changed).sha256)
        moved = write_photos(tmp_path / "c")
        shutil.move(moved / "cat" / "000.png", moved / "dog" / "moved.png")
        seen.add(read_image_folder(moved).sha256)
        renamed = write_photos(tmp_path / "d")
        (renamed / "cat").rename(renamed / "cow")
        seen.add(read_image_folder(renamed).sha256)
        assert len(seen) == 4

    def test_a_folder_that_changes_is_read_again(self, tmp_path):
        folder = write_photos(tmp_path / "photos")
        before = read_image_folder(folder)
        photo(0, 99).save(folder / "cat" / "new.png")
        assert read_image_folder(folder).sha256 != before.sha256

    def test_given_test_images_are_the_test_part(self, tmp_path):
        write_photos(tmp_path / "train")
        write_photos(tmp_path / "test", count=5, size=(6, 5))
        data = read_image_folder(tmp_path)
        assert [len(labels) for _, labels in parts_of(data)] == [80, 10, 15]
        assert sorted(data.test[1]) == sorted([0, 1, 2] * 5)
        alone = read_image_folder(tmp_path / "train")
        assert data.sha256 != alone.sha256

    def test_images_are_resized_and_coloured_alike_where_it_is_asked(self, tmp_path):
        folder = write_photos(tmp_path / "photos", mode="RGB")
        photo(0, 99, size=(12, 9), mode="RGBA").save(folder / "cat" / "other.png")
        with pytest.raises(InputError, match="several sizes, .* add ,size=N"):
            read_image_folder(folder)
        data = read_image_folder(folder, 4)
        assert data.shape == (3, 4, 4)
        assert data.train[0].shape[1] == 48
        task = resolve(f"images:{folder},size=4")
        assert task.options["size"] == 4
        assert task.options["data"] == data.sha256

    def test_files_that_cannot_be_used_are_named_in_one_line(self, tmp_path):
        folder = write_photos(tmp_path / "photos")
        extra = folder / "cat" / "extra.png"

        def refused(match):
            with pytest.raises(DataError, match=match) as seen:
                read_image_folder(folder)
            assert "\n" not in str(seen.value)

        extra.write_text("no image")
        refused(r"extra\.png: no image of a known format")
        extra.write_bytes((folder / "cat" / "000.png").read_bytes()[:60])
        refused(r"extra\.png: (damaged|no) image")
        Image.new("L", (5000, 1)).save(extra)
        refused("5000x1 pixels; at most 4096")
        Image.fromarray(np.zeros((5, 6), np.uint16)).save(extra)
        refused("8 bits a channel")
        extra.unlink()
        (folder / "cat" / "deep").mkdir()
        refused("holds images alone")
        (folder / "cat" / "deep").rmdir()
        (folder / "notes.txt").write_text("x")
        refused("outside the folders of the classes")

    def test_folders_that_are_no_data_set_are_refused(self, tmp_path):
        with pytest.raises(DataError, match="there is no such file or folder"):
            resolve(f"images:{tmp_path}/none")
        with pytest.raises(DataError, match="one class"):
            read_image_folder(write_photos(tmp_path / "few", count=0))
        with pytest.raises(DataError, match="30 examples; at least 50"):
            read_image_folder(write_photos(tmp_path / "small", count=10))
        with pytest.raises(InputError, match="size=0 is no side"):
            resolve(f"images:{tmp_path},size=0")

    def test_a_folder_is_also_looked_for_among_the_data_sets(self, tmp_path, monkeypatch):
        write_photos(tmp_path / "mine")
        monkeypatch.setenv("RLID_DATA", str(tmp_path))
        assert resolve("images:mine").options["data"]

    def test_a_network_learns_the_classes(self, tmp_path):
        score, chance = trained_score(f"images:{write_photos(tmp_path / 'p')}", "mlp:8")
        assert score > 0.9
        assert 0.2 < chance < 0.6


class TestTables:
    def test_columns_are_standardised_by_the_training_rows(self, tmp_path):
        rows = [row[:3] for row in flowers()]
        path = write_flowers(tmp_path / "f.csv", rows, ("petal", "leaf", "price"))
        data = read_table(path, "price")
        inputs, targets = data.train
        assert inputs.dtype == targets.dtype == np.float32
        assert data.names == ()
        assert np.allclose([targets.mean(), targets.std()], [0, 1], atol=1e-5)

    def test_text_is_a_label_and_other_columns_must_be_numbers(self, tmp_path):
        path = write_flowers(tmp_path / "f.csv")
        data = read_table(path, "kind")
        assert data.names == ("iris", "rose")
        assert np.allclose(data.train[0].mean(0), 0, atol=1e-5)
        assert np.allclose(data.train[0].std(0), 1, atol=1e-5)
        with pytest.raises(DataError, match="line 2: 'iris' in column 'kind' is no finite number"):
            read_table(path, "price")

    def test_whole_numbers_are_labels_unless_it_is_said(self, tmp_path):
        rows = [[*row[:2], index % 3] for index, row in enumerate(flowers())]
        path = write_flowers(tmp_path / "f.csv", rows, ("a", "b", "y"))
        assert read_table(path, "y").names == ("0", "1", "2")
        assert read_table(path, "y", "number").names == ()
        assert resolve(f"table:{path},target=y").options["target"] == "label"
        assert resolve(f"table:{path},target=y,kind=number").options["target"] == "number"

    def test_the_order_of_rows_and_columns_changes_neither_identity_nor_split(self, tmp_path):
        rows = flowers()
        first = read_table(write_flowers(tmp_path / "a.csv"), "kind")
        random.Random(0).shuffle(rows)
        turned = [row[::-1] for row in rows]
        header = ("kind", "price", "leaf", "petal")
        second = read_table(write_flowers(tmp_path / "b.csv", turned, header), "kind")
        assert first.sha256 == second.sha256
        assert np.array_equal(first.test[0], second.test[0])
        assert np.array_equal(first.train[1], second.train[1])
        rows[0][0] += 0.001
        third = read_table(write_flowers(tmp_path / "c.csv", rows), "kind")
        assert third.sha256 != first.sha256

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "must name every column, each once, with commas between them"),
            (",a,y\n1,2,3\n", "but column 1 has no name"),
            ("a,b,a\n1,2,3\n", "but 'a' is there twice"),
            ("a;b;y\n1;2;3\n", "has semicolons between its columns: use commas"),
            ("a\tb\n1\t2\n", "has tabs between its columns: use commas"),
            ("a,a\n1,2\n", "each once"),
            ("a,y\n1\n", "line 2: 1 values in 2 columns"),
            ("a,b\n1,2\n", "unknown column 'y'.*known: a, b"),
            ("a,y\nx,1\n", "line 2: 'x' in column 'a' is no finite number"),
            ("a,y\nnan,1\n", "no finite number"),
            ("a,y\n1,\n", "line 2: no value in the target column"),
            ("a,y\n1,2\n", "one value only"),
            ("a,y\n1,2.5\n3,2.50\n", "one value only"),
            ("a,y\n1,0\n2,NaN\n", "line 3: 'NaN' in the target column 'y' is no value"),
            ("a,y\n1,cat\n2,inf\n", "line 3: 'inf' in the target column 'y' is no value"),
            ("a,y\n1,0.5\n2,n/a\n", "line 3: 'n/a' .* leave out such rows, or add ,kind=label"),
            ('y,a\n1,"2\n', "no CSV file"),
            ("a,y\n" + "1,2\n3,1\n" * 10, "20 examples; at least 50"),
        ],
    )
    def test_tables_that_cannot_be_used_are_refused_in_one_line(self, tmp_path, text, reason):
        path = tmp_path / "t.csv"
        path.write_text(text)
        with pytest.raises(DataError, match=reason) as seen:
            read_table(path, "y")
        assert "\n" not in str(seen.value)

    def test_the_task_says_how_to_name_the_target(self, tmp_path):
        path = write_flowers(tmp_path / "f.csv")
        with pytest.raises(InputError, match="table:FILE.csv,target=COLUMN"):
            resolve(f"table:{path}")
        with pytest.raises(InputError, match="use label or number"):
            resolve(f"table:{path},target=kind,kind=colour")

    @pytest.mark.parametrize("target", ["kind", "price,kind=number"])
    def test_a_network_learns_labels_and_numbers(self, tmp_path, target):
        rows = [[*row[:3], 0 if row[3] == "iris" else 1] for row in flowers()]
        path = write_flowers(tmp_path / "f.csv", rows)
        score, chance = trained_score(f"table:{path},target={target}", "mlp:8")
        assert score > 0.9
        assert chance < 0.7


class TestDigits:
    def test_scikit_learns_digits_are_those_that_the_task_names(self):
        pytest.importorskip("sklearn")
        data = read_digits()
        assert data.sha256 == DIGITS_SHA256 == resolve("digits").options["data"]
        assert sum(len(labels) for _, labels in parts_of(data)) == 1797
        assert data.train[0].max() == 255
        assert len(data.names) == 10

    def test_a_small_network_reaches_nine_tenths_of_the_digits(self):
        pytest.importorskip("sklearn")
        score, chance = trained_score("digits", "mlp:32x32", steps=300)
        assert score > 0.9
        assert chance == 0.1

    def test_without_scikit_learn_the_message_says_how_to_install_it(self, monkeypatch):
        import sys

        read_digits.cache_clear()
        monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
        with pytest.raises(InputError, match=r"pip install 'rlid\[digits\]'"):
            plan("digits", dmax=3)


def test_the_column_of_a_table_may_be_an_option(tmp_path):
    path = tmp_path / "flowers.csv"
    write_flowers(path)
    arguments = ["run", f"table:{path}", "--dims", "2", "--budget", "20", "--dry-run", "--json"]
    done = CliRunner().invoke(app, [*arguments, "--target", "kind"])
    assert done.exit_code == 0, done.output
    assert f"table:{path},target=kind" in done.stdout
    named = f"table:{path},target=kind"
    for task, words in (("cartpole", "is for table:FILE.csv"), (named, "already")):
        wrong = CliRunner().invoke(app, ["run", task, "--dims", "2", "--target", "kind"])
        assert isinstance(wrong.exception, InputError)
        assert words in str(wrong.exception)
