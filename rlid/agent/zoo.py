"""The hyper-parameter files of rl-baselines3-zoo (rl-zoo), translated for rlid's agents.

rl-zoo lists, for each environment, keyword arguments of an algorithm of SB3 and some keys of its
own. Each key is used, or it is named with the reason why it cannot be. What an entry leaves out has
the default of SB3, as in rl-zoo.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlid.agent.protocol import AGENTS
from rlid.agent.python_literals import NotPlain, plain_value
from rlid.errors import brief
from rlid.registry import unknown

if TYPE_CHECKING:
    from rlid.task import Task

OWN_KEYS = ("n_timesteps", "policy")
"""Keys that every entry of rl-zoo has, and no plain file of settings."""
NAMES = {
    "learning_rate": "lr",
    "buffer_size": "buffer",
    "target_update_interval": "target_interval",
    "exploration_fraction": "exploration",
    "exploration_initial_eps": "epsilon_first",
    "exploration_final_eps": "epsilon_last",
    "noise_std": "noise",
    "log_std_init": "log_std",
}
"""rl-zoo's names for settings, and rlid's where an agent has that name instead."""
_ON_POLICY = {"n_envs": 1, "lr": 3e-4, "log_std": 0.0}
_OFF_POLICY = {"n_envs": 1, "buffer_size": 1_000_000, "learning_starts": 100, "gradient_steps": 1}
_PPO = {**_ON_POLICY, "n_steps": 2048, "batch_size": 64}
_ACTOR = {**_OFF_POLICY, "lr": 3e-4, "batch_size": 256, "train_freq": 1}
_Q = {**_OFF_POLICY, "batch_size": 32, "train_freq": 4, "target_update_interval": 10_000}
DEFAULTS: dict[str, dict[str, Any]] = {
    "ppo": _PPO,
    "batched_ppo": _PPO,
    "a2c": {**_ON_POLICY, "lr": 7e-4},
    "trpo": {**_ON_POLICY, "lr": 1e-3, "n_steps": 2048, "batch_size": 128},
    "dqn": {**_Q, "lr": 1e-4, "exploration_fraction": 0.1, "exploration_final_eps": 0.05},
    "qrdqn": {
        **_Q,
        "lr": 5e-5,
        "exploration_fraction": 0.005,
        "exploration_final_eps": 0.01,
        "n_quantiles": 200,
    },
    "sac": _ACTOR,
    "tqc": _ACTOR,
    "crossq": {**_ACTOR, "lr": 1e-3},
    "td3": {**_ACTOR, "lr": 1e-3},
}
"""Defaults of SB3's algorithms where rlid's agents have others, by rlid's agent."""
SCHEDULES = {"lr": "anneal_lr", "clip_range": "anneal_clip_range"}
"""Settings that may fall linearly to zero, and the setting that says so."""
POLICIES = ("MlpPolicy", "CnnPolicy")
ATARI = ("stable_baselines3.common.atari_wrappers.AtariWrapper",)
FRAMES = 4
"""Screens in an observation of rlid's Atari tasks."""
FIXED = {
    "sac": {"ent_coef": "rlid's coefficient is fixed, SB3 trains it"},
    "tqc": {"ent_coef": "rlid's coefficient is fixed, SB3 trains it"},
    "crossq": {"ent_coef": "rlid's coefficient is fixed, SB3 trains it"},
    "td3": {"noise": "rlid explores by noise of its default, SB3 by none"},
}
"""What differs from SB3 where an entry leaves a setting out, by rlid's agent."""
REASONS = {
    "use_sde": "noise that depends on the state has weights that d does not count",
    "replay_buffer_class": "rlid has one replay buffer, of single transitions",
    "env_wrapper": "the task decides what is observed; register a task with this wrapper",
    "frame_stack": "the task decides what is observed",
    "vec_env_wrapper": "the task decides what is observed",
    "optimizer_class": "each agent has one optimizer",
    "optimizer_kwargs": "each agent has one optimizer",
    "features_extractor_class": "the policy is the network of --network",
    "noise_type": "rlid adds normal noise alone, to td3's actions",
}
"""Why keys are refused, where it is not that the agent has no such setting."""


@dataclass
class Translation:
    """What an entry of rl-zoo comes to.

    Attributes:
        settings: of the agent, by its own names; values are scalars.
        network: the name of the actor's network, where the entry gives its widths.
        budget: steps of a trial.
        observation: the observation rule, where the entry asks for another.
        notes: what the entry says that rlid does otherwise, one line each.
        refused: keys that cannot be used, each with its reason.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    network: str | None = None
    budget: int | None = None
    observation: str | None = None
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def is_zoo_entry(entry: Mapping[str, Any]) -> bool:
    """Return whether a mapping is an entry of rl-zoo and no plain list of an agent's settings."""
    return any(key in entry for key in OWN_KEYS)


def translate(entry: Mapping[str, Any], agent: str, task: Task) -> Translation:
    """Return what an entry of rl-zoo, or a plain mapping of settings, means for an agent.

    Args:
        entry: keys and values, as YAML has them.
        agent: the name of the agent that takes the settings.
        task: which decides about observations, activation and start.
    """
    return _Translator(agent, task).translate(entry)


class _Translator:
    """Goes through the keys of one entry; a method `_key_KEY` takes a key that is no setting."""

    def __init__(self, agent: str, task: Task) -> None:
        self.agent, self.task = agent, task
        self.fields = {each.name for each in dataclasses.fields(AGENTS[agent])}
        self.result = Translation()

    def translate(self, entry: Mapping[str, Any]) -> Translation:
        if is_zoo_entry(entry):
            for name, value in DEFAULTS.get(self.agent, {}).items():
                self.result.settings[self._own_name(name)] = value
        for key, value in entry.items():
            method = getattr(self, f"_key_{key}", None)
            if key in self.fields or method is None:
                self._set(str(key), value)
            else:
                method(value)
        settings = self.result.settings
        if is_zoo_entry(entry):
            for name, what in FIXED.get(self.agent, {}).items():
                if name not in settings and not self.result.refused:
                    self.result.notes.append(f"{name}: {what}")
        if settings.get("gradient_steps") == -1:
            # SB3: as many updates as steps were taken since the last ones.
            sizes = [settings.get(name, 1) for name in ("train_freq", "n_envs")]
            if all(type(size) is int for size in sizes):
                settings["gradient_steps"] = math.prod(sizes)
        return self.result

    def _own_name(self, key: str) -> str:
        return NAMES[key] if key not in self.fields and NAMES.get(key) in self.fields else key

    def _refuse(self, key: str, why: str) -> None:
        self.result.refused.append(f"{key} ({why})")

    def _set(self, key: str, value: Any, where: str = "") -> None:
        """Take a setting of the agent, or refuse it."""
        name = self._own_name(key)
        if name not in self.fields:
            why = REASONS.get(key) or unknown(f"setting of {self.agent}", key, sorted(self.fields))
            self._refuse(f"{where}{key}", why)
            return
        if isinstance(value, str) and value.startswith(("lin_", "linear_")):
            schedule = SCHEDULES.get(name)
            if schedule is None or schedule not in self.fields:
                self._refuse(key, f"{value:.40}: {self.agent} has no schedule for it")
                return
            self.result.settings[schedule] = True
            value = value.partition("_")[2]
        if isinstance(value, list | tuple) and len(value) == 2 and value[1] == "step":
            value = value[0]
        if name == "ent_coef" and isinstance(value, str) and value.startswith("auto"):
            self._refuse(key, f"{value:.40}: rlid's coefficient is fixed; give a number")
        elif isinstance(value, dict | list | tuple):
            self._refuse(key, f"{brief(value)}: use a single value")
        else:
            self.result.settings[name] = value

    def _key_n_timesteps(self, value: Any) -> None:
        try:
            self.result.budget = int(float(value))
        except (TypeError, ValueError, OverflowError):
            self._refuse("n_timesteps", f"{brief(value)} is no number of steps")

    def _key_policy(self, value: Any) -> None:
        if value not in POLICIES:
            self._refuse("policy", f"{brief(value)}: rlid's policies are {' and '.join(POLICIES)}")

    def _key_use_sde(self, value: Any) -> None:
        if value:
            self._refuse("use_sde", REASONS["use_sde"])

    def _key_sde_sample_freq(self, value: Any) -> None:
        """Means nothing without use_sde, which is refused."""

    _key_use_sde_at_warmup = _key_sde_sample_freq

    def _key_optimize_memory_usage(self, value: Any) -> None:
        if value:
            self.result.notes.append("optimize_memory_usage: observations are stored twice")

    def _key_use_rms_prop(self, value: Any) -> None:
        if self.agent != "a2c" or not value:
            self._refuse("use_rms_prop", "a2c trains by RMSProp, other agents by Adam")

    def _key_noise_type(self, value: Any) -> None:
        if value != "normal" or "noise" not in self.fields:
            self._refuse("noise_type", f"{brief(value)}: {REASONS['noise_type']}")

    def _key_env_wrapper(self, value: Any) -> None:
        wrappers = [value] if isinstance(value, str) else value
        is_atari = self.task.observation == "pixels" and tuple(wrappers or ()) == ATARI
        if value and not is_atari:
            self._refuse("env_wrapper", REASONS["env_wrapper"])

    def _key_frame_stack(self, value: Any) -> None:
        if not (self.task.observation == "pixels" and value == FRAMES) and value not in (None, 1):
            self._refuse("frame_stack", REASONS["frame_stack"])

    def _key_normalize(self, value: Any) -> None:
        """rl-zoo: running statistics of observations, and of the discounted return for rewards."""
        try:
            value = plain_value(value)
        except NotPlain as error:
            self._refuse("normalize", str(error))
            return
        parts = value if isinstance(value, dict) else {"norm_obs": value, "norm_reward": value}
        if parts.get("norm_obs", True):
            if self.task.kind != "rl" or self.task.observation == "pixels":
                self._refuse("normalize", f"task {self.task.name!r} takes no other observations")
                return
            self.result.observation = "frozen"
            self.result.notes.append(
                "normalize: observations by statistics of random actions, frozen before training "
                "(--observation frozen)"
            )
        if parts.get("norm_reward", True):
            why = "rewards divided by a running estimate of their spread; rlid has a fixed factor"
            if not parts.get("norm_obs", True):
                self._refuse("normalize", f"{why}: set reward_scale")
            else:
                self.result.notes.append(f"normalize: {why}, reward_scale, and leaves it at 1")

    def _key_policy_kwargs(self, value: Any) -> None:
        try:
            arguments = plain_value(value)
        except NotPlain as error:
            self._refuse("policy_kwargs", str(error))
            return
        if not isinstance(arguments, dict):
            self._refuse("policy_kwargs", f"{brief(value)} is no mapping")
            return
        for key, argument in arguments.items():
            method = getattr(self, f"_argument_{key}", None)
            if method is None:
                self._set(key, argument, "policy_kwargs: ")
            else:
                method(argument)

    def _argument_net_arch(self, value: Any) -> None:
        # Older files wrap the two networks into a list.
        if isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], dict):
            value = value[0]
        parts = value if isinstance(value, dict) else {"pi": value}
        actor = parts.get("pi", [])
        if not isinstance(actor, list | tuple) or not all(type(each) is int for each in actor):
            self._refuse("policy_kwargs: net_arch", f"{brief(value)}: use a list of widths")
        elif self.task.observation == "pixels":
            self._refuse("policy_kwargs: net_arch", "give a network of images by --network")
        else:
            self.result.network = "mlp:" + "x".join(map(str, actor)) if actor else "linear"
            critic = parts.get("vf", parts.get("qf", actor))
            if critic != actor:
                kept = f"net_arch: the critic is {self.agent}'s own, not one of widths"
                self.result.notes.append(f"{kept} {brief(critic)}")

    def _argument_activation_fn(self, value: Any) -> None:
        name = str(value).rpartition(".")[2].lower()
        if name != self.task.activation:
            self._refuse(
                "policy_kwargs: activation_fn",
                f"{name:.40}: the activation is the task's, {self.task.activation}",
            )

    def _argument_ortho_init(self, value: Any) -> None:
        self.result.notes.append("ortho_init: theta0 is drawn as the network's grammar says")

    def _argument_use_expln(self, value: Any) -> None:
        """Means nothing without use_sde, which is refused."""

    def _argument_n_critics(self, value: Any) -> None:
        if "n_critics" in self.fields:
            self._set("n_critics", value)
        elif value != 2:
            self._refuse("policy_kwargs: n_critics", f"{self.agent} has 2 critics")
