"""`rlid.wrap` takes modules of other packages, and the page on fine-tuning does what it says."""

import importlib.metadata
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN

import rlid

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "fine-tune.md"


def test_a_convolutional_network_of_stable_baselines3_trains_inside_a_subspace():
    torch.manual_seed(0)
    plain = NatureCNN(spaces.Box(0, 255, (1, 36, 36), np.uint8), features_dim=8)
    x = torch.rand(6, 1, 36, 36, generator=torch.Generator().manual_seed(1))
    model = rlid.wrap(plain, d=30, seed=2)
    assert torch.equal(model(x), plain(x))

    start = torch.cat([weight.detach().flatten() for weight in plain.parameters()])
    z = torch.randn(30, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        model.z.copy_(z)
    P = rlid.projections.make("onehot", D=start.numel(), d=30, seed=2)
    assert torch.allclose(model.theta(), start + P(z), atol=1e-6)

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3 * model.scale)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = (model(x) - 0.5).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]

    again = rlid.wrap(plain, d=30, seed=2)
    again.restore(model.export())
    assert torch.equal(again(x), model(x))
    assert type(model.unwrap()) is NatureCNN
    assert torch.equal(model.unwrap()(x), model(x))


@pytest.fixture(scope="module")
def page():
    """Return the names that the example of the page defines."""
    try:
        importlib.metadata.distribution("silero-vad")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs silero-vad, whose weights are fine-tuned")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(code.rpartition("\n\n\n")[0], names)  # all but the line that prints
    return names


def test_the_pretrained_model_of_the_page_is_the_one_that_its_package_ships(page):
    plain = page["encoder"](0, True)
    path = importlib.metadata.distribution("silero-vad").locate_file("silero_vad/data")
    weights = page["load_file"](path / "silero_vad_16k.safetensors")
    loaded = [name for name in plain.state_dict() if name in weights]
    assert len(loaded) == 9
    assert all(torch.equal(plain.state_dict()[name], weights[name]) for name in loaded)


def test_fine_tuning_in_few_dimensions_starts_better_from_trained_weights(page):
    trained, untrained = (page["accuracy"](80, 0, start, steps=30) for start in (True, False))
    chance = 1 / len(page["FORMANTS"])
    assert trained > untrained
    assert trained > 2 * chance
