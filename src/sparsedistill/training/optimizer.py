"""The optimizer of a student: Adam for the head, the table's own Adagrad, and one schedule for both."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .config import TrainingConfig
from .network import StudentNetwork

_PREFIX = "optimizer."  # of the optimizer's arrays in a checkpoint


class StudentOptimizer:
    """Updates a student's network, with learning rates that rise during warm-up and then fall to 0."""

    def __init__(self, network: StudentNetwork, config: TrainingConfig, steps: int) -> None:
        """Start the optimizer from scratch; the sums in the table are reset.

        Args:
            network: The network to update.
            config: Gives the peak rates and the warm-up.
            steps: Steps of the run.
        """
        self._table = network.table
        self._table.squares.zero_()
        self._names = [name for name, _ in network.head.named_parameters()]
        self._adam = torch.optim.Adam(network.head.parameters())
        self._rates = config.learning_rate, config.table_learning_rate
        self._steps = steps
        self._warmup = config.warmup * steps

    def set_rates(self, step: int) -> None:
        """Set both learning rates for a step, counted from 0. Call it before the step's forward pass."""
        share = self._share(step)
        self._adam.param_groups[0]["lr"] = self._rates[0] * share
        self._table.set_learning_rate(self._rates[1] * share)

    def update(self, loss: Tensor) -> None:
        """Backpropagate `loss` and update the network."""
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()

    def arrays(self) -> dict[str, Tensor]:
        """The state for a checkpoint: ``optimizer.table``, and ``optimizer.NAME.KEY`` for Adam."""
        found = {f"{_PREFIX}table": self._table.squares}
        for i, state in self._adam.state_dict()["state"].items():
            found |= {f"{_PREFIX}{self._names[i]}.{key}": value for key, value in state.items()}
        return found

    def load_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        """Restore a state that :meth:`arrays` returned. Other names in `arrays` are ignored."""
        self._table.squares.copy_(arrays[f"{_PREFIX}table"])
        state: dict[int, dict[str, Tensor]] = {}
        for i, name in enumerate(self._names):
            prefix = f"{_PREFIX}{name}."
            state[i] = {key.removeprefix(prefix): v for key, v in arrays.items() if key.startswith(prefix)}
        self._adam.load_state_dict(
            {**self._adam.state_dict(), "state": {i: s for i, s in state.items() if s}}
        )

    def _share(self, step: int) -> float:
        """Share of the peak rates: rises to 1 during warm-up, falls towards 0 at the end."""
        if step + 1 < self._warmup:
            return (step + 1) / self._warmup
        return (self._steps - step) / (self._steps - self._warmup + 1)
