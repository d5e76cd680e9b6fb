"""Checkpoints of long trials: one file per trial, replaced at each save, removed at its end."""

from __future__ import annotations

from pathlib import Path

from rlid.errors import DamagedRecord, StoreError
from rlid.records import State, TrialSpec, decode, encode, versions
from rlid.store import Store, read_limited, write_whole

MAX_BYTES = 64 * 1024 * 1024
"""Largest size of a checkpoint, in bytes; a search with a larger state has none."""
FORMAT = 2
"""Rises when the state of a trial has another layout."""


class Checkpoints:
    """The checkpoints of one store, under `<folder>/checkpoints/<key>.safetensors`."""

    def __init__(self, store: Store) -> None:
        """Write nothing before the first checkpoint."""
        self._store = store
        store.check_there()

    def path(self, spec: TrialSpec) -> Path:
        """Return the path of a trial's checkpoint, whether or not there is one."""
        return self._store.room("checkpoints") / f"{spec.key}.safetensors"

    def save(self, spec: TrialSpec, state: State) -> bool:
        """Replace a trial's checkpoint; return False where the state is too large for one.

        Raises:
            StoreError: the checkpoint cannot be written.
        """
        header = {"format": FORMAT, "spec": spec.key, "versions": versions()}
        data = encode(State({**header, "state": state.plain}, state.arrays))
        if len(data) > MAX_BYTES:
            return False
        self._store.check_there()
        try:
            write_whole(self.path(spec), data)
        except OSError as error:
            raise StoreError(
                f"the checkpoint {str(self.path(spec))!r} cannot be written: "
                f"{error.strerror or error}"
            ) from error
        return True

    def load(self, spec: TrialSpec) -> State | None:
        """Return the state from which a trial can resume, or None where there is none.

        A checkpoint that is damaged, of another trial, or made by other versions is set aside, and
        the trial starts again.

        Raises:
            StoreError: the checkpoint cannot be read, or cannot be set aside.
        """
        path = self.path(spec)
        self._clear(spec)
        try:
            return _checked(decode(read_limited(path, MAX_BYTES)), spec)
        except FileNotFoundError:
            return None
        except DamagedRecord as error:
            self.set_aside(spec, str(error))
            return None
        except OSError as error:
            raise StoreError(
                f"the checkpoint {str(path)!r} cannot be read: {error.strerror or error}"
            ) from error

    def _clear(self, spec: TrialSpec) -> None:
        """Remove what a killed process left of a save: the caller alone runs this trial."""
        for path in self.path(spec).parent.glob(f".{spec.key}.safetensors.*.tmp"):
            path.unlink(missing_ok=True)

    def set_aside(self, spec: TrialSpec, reason: str) -> None:
        """Put a checkpoint that no trial can resume from into quarantine, with the reason.

        Raises:
            StoreError: it cannot be moved.
        """
        self._store.set_aside(self.path(spec), f"{reason}: the trial starts again")

    def drop(self, spec: TrialSpec) -> None:
        """Remove the checkpoint of a trial that has ended."""
        self.path(spec).unlink(missing_ok=True)


def _checked(state: State, spec: TrialSpec) -> State:
    if state.plain.get("spec") != spec.key:
        raise DamagedRecord("a checkpoint of another spec")
    if state.plain.get("format") != FORMAT:
        raise DamagedRecord("a checkpoint of another format")
    if state.plain.get("versions") != versions():
        raise DamagedRecord("a checkpoint made with other versions of the libraries")
    plain = state.plain.get("state")
    if not isinstance(plain, dict):
        raise DamagedRecord("a checkpoint without a state")
    return State(plain, state.arrays)
