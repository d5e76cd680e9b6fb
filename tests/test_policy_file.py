"""The file of a policy: every width, every byte of damage, and nothing that is ever run."""

import hashlib
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies import a_file

from rlid.errors import InputError, PolicyFileError
from rlid.policies import policy, policy_file
from rlid.policies.policy import Policy
from rlid.policies.policy_file import WIDTHS
from rlid.task import adapt, resolve


def same(a, b):
    return a.dump() == b.dump() and np.array_equal(a.codes, b.codes)


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_file_read_back_is_the_same(bits):
    file = a_file(bits, d=11)
    data = file.dump()
    assert same(policy_file.parse(data), file)
    names = len("cartpole" + "mlp:4" + "onehot") + 3
    assert len(data) == 61 + names + -(-11 * bits // 8)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40), st.sampled_from(WIDTHS[1:])
)
def test_rounding_is_off_by_half_a_step_inside_the_scale(values, bits):
    z = np.array(values, np.float32)
    codes, scale = policy_file.encode_z(z, bits)
    assert codes.max() < 2**bits
    rounded = policy_file.decode_z(codes, bits, scale)
    inside = np.abs(z) <= scale
    step = scale / (2**bits - 1)
    assert (np.abs(rounded - z)[inside] <= step * 1.001 + 1e-6 * np.abs(z)[inside]).all()
    assert np.array_equal(policy_file.encode_z(z, 32)[0].astype("<u4").view("<f4"), z)


def test_more_bits_are_nearer():
    z = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    errors = []
    for bits in sorted(WIDTHS):
        errors.append(np.square(policy_file.decode_z(*_coded(z, bits)) - z).mean())
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.13  # two bits on a Gaussian: the best uniform quantiser leaves 0.119
    assert errors[-1] == 0.0


def _coded(z, bits):
    codes, scale = policy_file.encode_z(z, bits)
    return codes, bits, scale


def test_a_policy_is_rebuilt_and_acts(tmp_path):
    path = tmp_path / "p.rlid"
    path.write_bytes(a_file().dump())
    loaded = Policy.load(path)
    assert loaded.theta.shape == (loaded.problem.network.D,)
    digest = hashlib.sha256(loaded.theta.astype("<f4").tobytes()).digest()
    assert digest == loaded.file.theta_sha256
    action = loaded.predict(np.zeros(4))
    assert action in (0, 1)
    assert np.array_equal(loaded.evaluate(3, seed=1), loaded.evaluate(3, seed=1))
    assert not np.array_equal(loaded.evaluate(8, seed=1), loaded.evaluate(8, seed=2))
    with pytest.raises(ValueError, match="an observation of 3 numbers, not 4"):
        loaded.predict(np.zeros(3))
    with pytest.raises(InputError, match="on 1 episode or more, not 0"):
        loaded.evaluate(0)


def test_predict_and_the_plain_network_play_as_evaluate_does(tmp_path):
    import gymnasium
    import torch

    loaded = Policy.build(a_file(d=4, seed=2))
    plain = loaded.to_torch()
    env = gymnasium.make("CartPole-v1")
    for seed in range(3):
        scores, observation, over = 0.0, env.reset(seed=seed)[0], False
        while not over:
            action = loaded.predict(observation)
            with torch.inference_mode():
                outputs = plain(torch.from_numpy(observation[None]))
            assert int(outputs.argmax()) == action
            observation, reward, terminated, truncated, _ = env.step(action)
            scores += reward
            over = terminated or truncated
        (expected,) = policy.score(loaded.problem, loaded.file.z, (seed,))
        assert scores == expected
    env.close()


def test_a_file_with_any_single_bit_flipped_is_refused():
    data = a_file(bits=3, d=5).dump()
    for index in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[index] ^= 1 << bit
            with pytest.raises(PolicyFileError):
                Policy.build(policy_file.parse(bytes(changed)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_bytes_are_refused_by_our_own_error(data, has_magic):
    with pytest.raises(PolicyFileError):
        policy_file.parse(b"RLID\x01" + data if has_magic else data)


@pytest.mark.parametrize("cut", [0, 3, 4, 20, 60, 61, 65, -1])
def test_a_file_cut_short_is_refused(cut):
    with pytest.raises(PolicyFileError):
        policy_file.parse(a_file().dump()[:cut])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "gym:os:Env-v0"}, "its task is no name"),
        ({"task": "../../etc/passwd"}, "its task is no name"),
        ({"task": "<script>alert(1)</script>"}, "its task is no name"),
        ({"task": "nothing"}, "unknown task 'nothing'"),
        ({"task": "gym:NoSuch-v0"}, "--import names the package"),
        ({"task": "sum_constraints:10"}, "is a synthetic task"),
        ({"task": "acrobot"}, "or has other settings"),
        ({"task_version": 9}, "made for version 9"),
        ({"network": "mlp:65536x65536"}, "a network of"),
        ({"network": "mlp:0"}, "widths are from 1"),
        ({"network": "mlp:5"}, "is not what was exported"),
        ({"projection": "onehat"}, "did you mean 'onehot'"),
        ({"projection_version": 7}, "made with version 7 of projection"),
        ({"theta_sha256": bytes(32)}, "is not what was exported"),
        ({"scale": float("nan")}, "the scale of z is nan"),
        ({"scale": 3.0}, "is not what was exported"),
        ({"bits": 5}, "5 bits an entry"),
        ({"codes": np.zeros(0, np.uint32)}, "d = 0"),
        ({"codes": np.zeros(4000, np.uint32)}, "d must be in"),
    ],
)
def test_a_hostile_field_is_refused_in_one_line(tmp_path, changes, words):
    path = tmp_path / "p.rlid"
    path.write_bytes(a_file(**changes).dump())
    with pytest.raises(PolicyFileError) as caught:
        Policy.load(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_size_in_the_header_reserves_no_memory():
    header = struct.pack(
        "<4sBBHBIIf8s32s", b"RLID", 1, 32, 1, 1, 10**7, 0, 1.0, b"8" * 8, b"3" * 32
    )
    with pytest.raises(PolicyFileError, match="but its header says 400000"):
        policy_file.parse(header + b"\x08cartpole\x05mlp:4\x06onehot")


def test_a_path_that_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe"):
        with pytest.raises(PolicyFileError):
            Policy.load(path)


@pytest.mark.parametrize("observation", ["raw", "scaled", "frozen"])
def test_raw_observations_are_prepared_as_in_training(observation):
    import gymnasium

    task = adapt(resolve("gym:MountainCar-v0"), observation=observation)
    problem = policy.make(task, "mlp:4", "onehot", 3, 0)
    env = gymnasium.make("MountainCar-v0")
    raw, _ = env.reset(seed=4)
    expected = problem.simulator.start([4])[0]
    assert np.array_equal(problem.simulator.prepare(raw), expected)
    assert task in list(policy.variants(resolve("gym:MountainCar-v0")))
    env.close()
