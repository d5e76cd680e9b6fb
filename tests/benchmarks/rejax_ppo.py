"""Times rejax's PPO (JAX, no subspace) on CartPole, one thread: prints one line of JSON.

PYTHON tests/benchmarks/rejax_ppo.py --trials 16 --steps 20480 --widths 20,20

PYTHON is an interpreter that has rejax 0.1.3, jax and gymnax below 0.1. `side_by_side.py --rejax
PYTHON` calls this. All seeds train in one compiled program, with the recipe of rlid's CartPole; the
environment is gymnax's. Compilation is timed for itself. Seconds are of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import time

# Otherwise XLA and its convolutions would take every core.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import rejax

RECIPE = {
    "num_envs": 8,
    "num_steps": 128,
    "num_epochs": 10,
    "num_minibatches": 4,
    "learning_rate": 1e-3,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_eps": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}


def main() -> None:
    """Compile, train once, and print the rate and the seconds of compilation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20_480)
    parser.add_argument("--widths", default="20,20", help="of both hidden layers")
    options = parser.parse_args()
    widths = [int(width) for width in options.widths.split(",")]
    algorithm = rejax.get_algo("ppo").create(
        env="CartPole-v1",
        total_timesteps=options.steps,
        # Once, at the end: rejax cannot leave it out.
        eval_freq=options.steps,
        skip_initial_evaluation=True,
        agent_kwargs={"hidden_layer_sizes": widths, "activation": "tanh"},
        **RECIPE,
    )
    keys = jax.random.split(jax.random.PRNGKey(0), options.trials)
    started = time.process_time()
    train = jax.jit(jax.vmap(algorithm.train)).lower(keys).compile()
    compiled = time.process_time()
    jax.block_until_ready(train(keys))
    seconds = time.process_time() - compiled
    print(
        json.dumps(
            {
                "steps_per_second": options.trials * options.steps / seconds,
                "compilation_seconds": compiled - started,
            }
        )
    )


if __name__ == "__main__":
    main()
