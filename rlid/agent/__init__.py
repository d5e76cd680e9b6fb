"""What an agent is: an optimizer that searches z, driven by the trial.

`protocol` says what an agent has, what it yields and what comes back. `settings` turns its fields
into plain data and back, and `settings_file` reads them from YAML.
"""

from rlid.agent.actor_critic import OffPolicyActorCritic as OffPolicyActorCritic
from rlid.agent.actor_critic import numbers_of_layers as numbers_of_layers
from rlid.agent.described import DescribedSetting as DescribedSetting
from rlid.agent.described import described_settings as described_settings
from rlid.agent.device import choose_device as choose_device
from rlid.agent.device import has_gpu as has_gpu
from rlid.agent.protocol import AGENTS as AGENTS
from rlid.agent.protocol import CHECKPOINT as CHECKPOINT
from rlid.agent.protocol import Agent as Agent
from rlid.agent.protocol import Ask as Ask
from rlid.agent.protocol import Learner as Learner
from rlid.agent.protocol import Progress as Progress
from rlid.agent.protocol import SearchSteps as SearchSteps
from rlid.agent.protocol import TrainingBatch as TrainingBatch
from rlid.agent.protocol import TrainingRound as TrainingRound
from rlid.agent.proximal import check_minibatches as check_minibatches
from rlid.agent.settings import LATER as LATER
from rlid.agent.settings import check_actions as check_actions
from rlid.agent.settings import check_positive as check_positive
from rlid.agent.settings import check_shares as check_shares
from rlid.agent.settings import configure as configure
from rlid.agent.settings import settings as settings
from rlid.agent.settings_file import FileSettings as FileSettings
from rlid.agent.settings_file import read_settings as read_settings

__all__ = [
    "choose_device",
    "has_gpu",
    "AGENTS",
    "Agent",
    "Ask",
    "CHECKPOINT",
    "DescribedSetting",
    "FileSettings",
    "LATER",
    "Learner",
    "OffPolicyActorCritic",
    "Progress",
    "SearchSteps",
    "TrainingBatch",
    "TrainingRound",
    "check_actions",
    "check_minibatches",
    "check_positive",
    "check_shares",
    "configure",
    "described_settings",
    "numbers_of_layers",
    "read_settings",
    "settings",
]
