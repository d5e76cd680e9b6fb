"""Every environment is scored as by a plain loop, or refused with a reason."""

import importlib
import warnings

import gymnasium
import pytest

from rlid.task import resolve
from rlid.testing import examine_env

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

GAMES = [
    "asteroids",
    "boxing",
    "breakout",
    "enduro",
    "freeway",
    "montezuma_revenge",
    "ms_pacman",
    "pong",
    "seaquest",
    "tennis",
]
BOARDS = ["asterix", "breakout", "freeway", "seaquest", "space_invaders"]
THIRD_PARTIES = {"minigrid": "MiniGrid", "highway_env": "", "gymnasium_robotics": ""}
"""Packages, and how the ids begin that are compared; each is skipped where it is not installed."""
MOST_OF_A_PARTY = 4
CAP = 200
"""Steps of an episode here; equality does not depend on how long they are."""


def registered_by(module, beginning=""):
    """The ids that a package's import registers, sorted."""
    before = set(gymnasium.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(module)
        except Exception:
            return []
    names = sorted(set(gymnasium.registry) - before)
    return [name for name in names if name.startswith(beginning)][:MOST_OF_A_PARTY]


GYMNASIUM = sorted(gymnasium.registry)


def register_images_of_minigrid():
    """Register some of its environments in its own wrapper that leaves the text out."""
    import minigrid

    for name in ("Empty-5x5", "DoorKey-5x5", "LavaGapS5"):
        gymnasium.register(
            f"rlid-testing/{name}-v0",
            entry_point=lambda name=name, **options: minigrid.wrappers.ImgObsWrapper(
                gymnasium.make(f"MiniGrid-{name}-v0", **options)
            ),
            max_episode_steps=100,
        )
        yield f"rlid-testing/{name}-v0"


def short(name):
    """The name of a task with episodes of at most CAP steps."""
    try:
        is_long = resolve(name).episode_cap > CAP
    except ValueError:
        return name
    return f"{name}?episode-cap={CAP}" if is_long else name


def verdict_on(name):
    """The finding that decides: a refusal, or how the comparison came out."""
    network = "conv:4-4-8" if name.startswith("atari:") else None
    findings = examine_env(short(name), network=network)
    refusals = [finding for finding in findings if finding.verdict == "refused"]
    loops = [finding for finding in findings if finding.check == "plain loop"]
    (verdict,) = refusals[:1] or loops
    print(f"{name}\t{verdict.verdict}\t{verdict.detail}")
    return verdict


@pytest.mark.parametrize(
    "name",
    [
        *(f"gym:{env}" for env in GYMNASIUM),
        *(f"minatar:{game}" for game in BOARDS),
        *(f"atari:{game}" for game in GAMES),
    ],
)
def test_an_environment_is_equal_to_a_plain_loop_or_refused_with_a_reason(name):
    verdict = verdict_on(name)
    assert verdict.verdict in ("ok", "refused"), verdict.line
    assert verdict.detail


@pytest.mark.parametrize("party", THIRD_PARTIES)
def test_environments_of_others_are_equal_to_a_plain_loop_or_refused(party):
    names = registered_by(party, THIRD_PARTIES[party])
    if not names:
        pytest.skip(f"{party} is not installed")
    if party == "minigrid":
        names += register_images_of_minigrid()
    verdicts = {name: verdict_on(f"gym:{name}") for name in names}
    wrong = [f"{name}: {each.line}" for name, each in verdicts.items() if each.verdict == "wrong"]
    assert not wrong
    assert any(each.verdict == "ok" for each in verdicts.values())
