"""Tables of numbers that are huge, tiny or spelled in several ways."""

import numpy as np
import pytest
from own_data import flowers, write_flowers

from rlid.datasets import read_table
from rlid.errors import DataError


def parts_of(data):
    return [data.train, data.held_out, data.test]


def test_every_spelling_of_a_number_is_the_same_class(tmp_path):
    spellings = (("0", "0"), ("1.0", "1"), ("10", "10"), ("1", "1"))
    rows = [[*row[:2], *spellings[index % 4]] for index, row in enumerate(flowers())]
    path = write_flowers(tmp_path / "f.csv", [row[:3] for row in rows], ("a", "b", "y"))
    plain = write_flowers(tmp_path / "p.csv", [[*r[:2], r[3]] for r in rows], ("a", "b", "y"))
    data = read_table(path, "y")
    assert data.names == ("0", "1", "10")
    assert data.sha256 == read_table(plain, "y").sha256


@pytest.mark.parametrize("exponent", [1022, 700, -700])
@pytest.mark.parametrize("target", ["kind", "price"])
def test_huge_and_tiny_numbers_are_standardised_as_others_are(tmp_path, exponent, target):
    rows = [[*row[:3], int(row[3] == "iris")] for row in flowers()]
    scaled = [[row[0] / 8 * 2.0**exponent, row[1], row[2], row[3]] for row in rows]
    if target == "price":
        scaled = [[*row[:2], row[2] / 16 * 2.0**exponent, row[3]] for row in scaled]
    numbers = read_table(write_flowers(tmp_path / "s.csv", scaled), target)
    # The split follows from the numbers themselves: the same rows, in another order.
    ordinary = read_table(write_flowers(tmp_path / "o.csv", rows), target)
    for data in (numbers, ordinary):
        everything = np.concatenate([inputs for inputs, _ in parts_of(data)])
        assert np.isfinite(everything).all()
        assert np.allclose(data.train[0].std(0), 1, atol=1e-5)
    if target == "price":
        assert np.allclose([numbers.train[1].mean(), numbers.train[1].std()], [0, 1], atol=1e-5)


def test_a_number_that_no_float32_holds_once_standardised_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    # The content of a row decides which part it is in; at 8e300 it is a test row.
    path.write_text("a,y\n" + "1,0\n2,1\n" * 50 + "8e300,1\n")
    with pytest.raises(DataError, match=r"8e\+300 in column 'a' is too far from the other numbers"):
        read_table(path, "y")
