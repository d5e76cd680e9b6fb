"""`--config FILE.yaml`: what rl-zoo's files say is used, or refused with the key named."""

import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rlid.agent import FileSettings, configure, read_settings
from rlid.agent.python_literals import NotPlain, plain_value
from rlid.cli.app import app
from rlid.errors import InputError
from rlid.measurement.plan import plan
from rlid.task import resolve

ZOO = Path(__file__).parent / "fixtures" / "zoo"
USED = {
    ("ppo", "pong"): {"n_envs": 8, "lr": 2.5e-4, "anneal_lr": True, "anneal_clip_range": True},
    ("ppo", "cartpole"): {"n_steps": 32, "lr": 1e-3, "anneal_lr": True, "clip_range": 0.2},
    ("batched_ppo", "cartpole"): {"n_epochs": 20, "gamma": 0.98, "anneal_clip_range": True},
    ("ppo", "acrobot"): {"n_steps": 256, "lr": 3e-4, "batch_size": 64, "anneal_lr": False},
    ("ppo", "mountaincar"): {"n_steps": 16, "gae_lambda": 0.98},
    ("ppo", "walker2d"): {"gamma": 0.99, "vf_coef": 0.58096, "log_std": -2.0},
    ("ppo", "reacher"): {"gamma": 0.9, "gae_lambda": 1.0, "max_grad_norm": 0.9},
    ("a2c", "cartpole"): {"n_envs": 8, "lr": 7e-4},
    ("a2c", "mountaincar"): {"n_envs": 16},
    ("a2c", "pendulum"): {"anneal_lr": True, "normalize_advantage": False, "vf_coef": 0.4},
    ("dqn", "cartpole"): {"buffer": 100_000, "target_interval": 5000, "epsilon_last": 0.11},
    ("dqn", "mountaincar"): {"gradient_steps": 16, "exploration": 0.2},
    ("sac", "pendulum"): {"lr": 1e-3, "learning_starts": 100, "buffer": 1_000_000},
    ("qrdqn", "cartpole"): {"n_quantiles": 10, "buffer_size": 100_000, "train_freq": 256},
    ("crossq", "pendulum"): {"policy_delay": 2, "learning_starts": 100},
    ("crossq", "half_cheetah"): {"lr": 1e-3, "policy_delay": 3, "buffer_size": 1_000_000},
    ("crossq", "swimmer"): {"gamma": 0.999, "learning_starts": 5000},
    ("tqc", "pendulum"): {"lr": 1e-3},
    ("tqc", "half_cheetah"): {"learning_starts": 10_000, "lr": 3e-4},
    ("tqc", "hopper"): {"top_quantiles_to_drop_per_net": 5},
    ("td3", "half_cheetah"): {"noise": 0.1, "batch_size": 256, "lr": 1e-3},
    ("trpo", "half_cheetah"): {"target_kl": 0.04, "cg_max_steps": 25, "n_envs": 2},
    ("trpo", "cartpole"): {"n_envs": 1, "n_steps": 2048},
}
"""Settings that entries of rl-zoo come to, by agent and task."""
REFUSED = {
    ("ppo", "pendulum"): ["use_sde"],
    ("ppo", "gym:MountainCarContinuous-v0"): ["use_sde"],
    ("ppo", "half_cheetah"): ["activation_fn"],
    ("ppo", "gym:CarRacing-v3"): ["env_wrapper", "frame_stack", "normalize"],
    ("a2c", "pong"): ["optimizer_class", "optimizer_kwargs"],
    ("sac", "hopper"): ["ent_coef"],
    ("sac", "gym:MountainCarContinuous-v0"): ["train_freq"],
    ("td3", "gym:MountainCarContinuous-v0"): ["noise_type"],
}
"""Keys that cannot be used."""


def zoo_settings(agent, task):
    name = "ppo" if agent == "batched_ppo" else agent
    if agent in ("crossq", "qrdqn", "tqc", "trpo"):
        pytest.importorskip("sb3_contrib")
    return read_settings(ZOO / f"{name}.yml", agent, resolve(task))


def written(folder, text):
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("agent", "task"), list(USED))
def test_an_entry_of_rl_zoo_becomes_a_plan(agent, task):
    file = zoo_settings(agent, task)
    wanted = plan(
        task,
        agent=agent,
        dmax=3,
        network=file.network,
        budget=file.budget,
        observation=file.observation,
        settings=file.settings,
    )
    for name, value in USED[agent, task].items():
        assert getattr(wanted.agent, name) == value, name
    assert wanted.task.budget == file.budget


@pytest.mark.parametrize(("agent", "task"), list(REFUSED))
def test_keys_that_cannot_be_used_are_all_named_in_one_line(agent, task):
    with pytest.raises(InputError, match="cannot be used") as seen:
        zoo_settings(agent, task)
    for key in REFUSED[agent, task]:
        assert f"{key} (" in str(seen.value)
    assert "\n" not in str(seen.value)


def test_normalised_observations_are_frozen_statistics_and_rewards_are_said_to_stay():
    file = zoo_settings("ppo", "acrobot")
    assert file.observation == "frozen"
    assert any("reward_scale" in note for note in file.notes)


def test_widths_of_the_actor_are_the_network_and_those_of_the_critic_are_noted():
    assert zoo_settings("dqn", "mountaincar").network == "mlp:256x256"
    walker = zoo_settings("ppo", "walker2d")
    assert walker.network == "mlp:64x64"
    assert any("[256, 256]" in note for note in walker.notes)
    assert any("Walker2d-v3 is used for Walker2d-v5" in note for note in walker.notes)


def test_a_plain_file_has_settings_by_names_of_rlid_or_of_sb3_and_keeps_other_defaults(tmp_path):
    path = written(tmp_path, "learning_rate: 0.002\nn_steps: 64\ntarget_kl: 0.03\n")
    file = read_settings(path, "ppo", resolve("cartpole"))
    assert file == FileSettings(("lr=0.002", "n_steps=64", "target_kl=0.03"))
    agent = configure("ppo", file.settings)
    assert (agent.lr, agent.n_steps, agent.target_kl) == (0.002, 64, 0.03)
    assert agent.n_envs == configure("ppo").n_envs


def test_a_gradient_free_agent_takes_its_settings_from_a_file_too(tmp_path):
    path = written(tmp_path, "sigma0: 0.25\n")
    assert read_settings(path, "cmaes", resolve("cartpole")).settings == ("sigma0=0.25",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "use a mapping"),
        ("- 1\n- 2\n", "use a mapping"),
        ("lr: [1, 2\n", "line 2: no plain YAML"),
        ("lr: !!python/object/apply:os.system ['true']\n", "no plain YAML"),
        ("1: 2\n", "1 is no name of a setting"),
        ("lrr: 0.1\n", "lrr .unknown setting of ppo 'lrr': did you mean 'lr'"),
        ("lr: !!bool foo\n", "a value is not of its type"),
        ('lr: !!int ""\n', "a value is not of its type"),
        ("lr: !!timestamp foo\n", "a value is not of its type"),
        ("lr: !!float ''\n", "no plain YAML"),
        ("lr: 2026-13-45\n", "no plain YAML: month must be in 1..12"),
        ("lr: &a [*a]\n", "its aliases make more than 100,000 values"),
        (f"lr: 0x{'f' * 5000}\n", "a number of more than 300 characters"),
        (f"lr: {'59:' * 5000}59\n", "a number of more than 300 characters"),
        (f"policy_kwargs: {{net_arch: [0x{'f' * 5000}]}}\n", "a number of more than 300"),
        ("lr: 0.1\ngamma: 0.9\nlr: 0.2\n", "line 3: 'lr' is there twice"),
        ("CartPole-v1:\n  lr: 0.1\n  lr: 0.1\n", "line 3: 'lr' is there twice"),
        ("lr: fast\n", "lr=fast: not a number"),
        ("lr: -1\n", "lr must be positive"),
        ("lr: .inf\n", "must be finite"),
        ("lr: {a: 1}\nn_steps: 64\n", "lr .* use a single value"),
        ("gamma: lin_0.9\n", "gamma .*has no schedule"),
        ("batch_size: 100\n", "batch_size 100 does not divide"),
        ("Hopper-v4:\n  n_timesteps: 10\n", "no entry for CartPole-v1; it has Hopper-v4"),
        ("CartPole-v1:\n  policy: MlpLstmPolicy\n", "policy .'MlpLstmPolicy'"),
        ("policy: MlpPolicy\nn_timesteps: many\n", "n_timesteps .'many' is no number"),
        ("n_timesteps: .inf\n", "n_timesteps"),
        ("policy_kwargs: dict(net_arch=__import__('os'))\n", "policy_kwargs"),
        ("policy_kwargs: 3\n", "policy_kwargs .* is no mapping"),
        ("policy_kwargs: {net_arch: [a]}\n", "net_arch .* use a list of widths"),
        ("policy_kwargs: {net_arch: {pi: 64}}\n", "net_arch .* use a list of widths"),
        ("normalize: open('x')\n", "normalize"),
        ("clip_range_vf: 0.2\n", "clip_range_vf"),
        ("callback: x\nmonitor_kwargs: {a: 1}\n", "callback .*monitor_kwargs"),
    ],
)
def test_files_that_cannot_be_used_are_refused_in_one_line(tmp_path, text, reason):
    with pytest.raises(InputError, match=reason) as seen:
        read_settings(written(tmp_path, text), "ppo", resolve("cartpole"))
    assert "\n" not in str(seen.value)


def test_a_file_that_is_no_text_is_refused_in_one_line(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"lr: \xff\xfe")
    with pytest.raises(InputError, match="no plain YAML: ") as seen:
        read_settings(path, "ppo", resolve("cartpole"))
    assert "\n" not in str(seen.value)


def test_aliases_that_stand_for_more_values_than_a_memory_holds_are_refused_at_once(tmp_path):
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for level in range(1, 10):
        lines.append(f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 10)}]")
    bomb = "\n".join([*lines, "policy_kwargs: {net_arch: *x9}"])
    merges = ["m0: &m0 {a: 1}"]
    for level in range(1, 40):
        merges.append(f"m{level}: &m{level} {{<<: [*m{level - 1}, *m{level - 1}]}}")
    for text in (bomb, "\n".join(merges)):
        start = time.process_time()
        with pytest.raises(InputError, match="its aliases make more than 100,000 values"):
            read_settings(written(tmp_path, text), "ppo", resolve("cartpole"))
        assert time.process_time() - start < 60.0


def test_an_alias_of_a_few_values_is_read_as_in_the_files_of_rl_zoo(tmp_path):
    path = written(tmp_path, "common: &common\n  lr: 0.002\nCartPole-v1:\n  <<: *common\n")
    assert read_settings(path, "ppo", resolve("cartpole")).settings == ("lr=0.002",)


def test_a_missing_folder_or_a_huge_file_is_refused(tmp_path):
    task = resolve("cartpole")
    with pytest.raises(InputError, match="No such file"):
        read_settings(tmp_path / "none.yaml", "ppo", task)
    with pytest.raises(InputError, match="directory"):
        read_settings(tmp_path, "ppo", task)
    with pytest.raises(InputError, match="larger than"):
        read_settings(written(tmp_path, "#" * 100_001), "ppo", task)


def test_python_text_is_parsed_and_not_run():
    text = "dict(log_std_init=-2, activation_fn=nn.ReLU, net_arch=[dict(pi=[64, 64])])"
    assert plain_value(text) == {
        "log_std_init": -2,
        "activation_fn": "nn.ReLU",
        "net_arch": [{"pi": [64, 64]}],
    }
    assert plain_value("{'norm_obs': True, 'norm_reward': False}")["norm_obs"] is True
    for wrong in ("f(1)", "dict(1)", "dict(**x)", "[x for x in y]", "1 +", "lambda: 1", "(" * 500):
        with pytest.raises(NotPlain):
            plain_value(wrong)


def test_the_command_line_reads_a_file_and_set_overrides_it(tmp_path):
    path = written(tmp_path, "n_timesteps: 600\nn_envs: 2\nn_steps: 32\nbatch_size: 64\n")
    store = tmp_path / "store"
    arguments = ["run", "cartpole", "--agent", "ppo", "--dims", "2", "--seeds", "1", "--jobs", "1"]
    arguments += ["--config", str(path), "--set", "n_envs=4", "--store", str(store), "--full"]
    wrong = CliRunner().invoke(app, [*arguments, "--set", "batch_size=63"])
    assert isinstance(wrong.exception, InputError)
    assert "batch_size 63 does not divide a rollout of n_envs * n_steps = 128" in str(
        wrong.exception
    )


def test_the_settings_of_a_file_train_as_the_same_settings_by_hand(tmp_path):
    path = written(tmp_path, "learning_rate: lin_0.01\nn_envs: 2\nn_steps: 32\nbatch_size: 64\n")
    by_file = read_settings(path, "ppo", resolve("cartpole")).settings
    by_hand = ["lr=0.01", "anneal_lr=true", "n_envs=2", "n_steps=32", "batch_size=64"]
    specs = [
        plan("cartpole", agent="ppo", dmax=3, settings=settings).spec(3, 0, None)
        for settings in (by_file, by_hand)
    ]
    assert specs[0] == specs[1]
    assert np.array_equal(specs[0].settings["lr"], 0.01)
