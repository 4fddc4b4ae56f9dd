"""What scoring 15 T tokens costs at measured rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TERABYTES = 60.0  # of text: 15 T tokens of 4 bytes each


@dataclass(frozen=True)
class Machine:
    """A rented machine. It is assumed that one of its vCPUs does what a core of the measured machine does.

    Attributes:
        name: Its name.
        threads: Number of vCPUs.
        dollars: Price per hour on demand; an assumption, since prices change.
    """

    name: str
    threads: int
    dollars: float


MACHINES = (
    Machine("AWS c6a.48xlarge (192 vCPUs of Zen 3)", 192, 7.34),
    Machine("AWS c7a.48xlarge (192 cores of Zen 4)", 192, 9.85),
)


def print_projection(rates: Mapping[str, float]) -> None:
    """Print the hours and dollars of all text at rates in MB per CPU-second."""
    names = " | ".join(f"{machine.name}, ${machine.dollars}/h" for machine in MACHINES)
    print(f"\n| {TERABYTES:.0f} TB | MB per CPU-second | core-hours | {names} |")
    print(f"| --- | ---: | ---: |{' ---: |' * len(MACHINES)}")
    for what, rate in rates.items():
        hours = TERABYTES * 1e6 / rate / 3600
        costs = []
        for machine in MACHINES:
            busy = hours / machine.threads
            costs.append(f"{busy:.1f} h, ${busy * machine.dollars:,.0f}")
        print(f"| {what} | {rate:.0f} | {hours:,.0f} | {' | '.join(costs)} |")
