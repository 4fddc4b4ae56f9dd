"""``sparsedistill status``: what of a directory is done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._internal.ledger import JobRecord, Ledger, new_job
from .._internal.object_store import is_url
from ..errors import InputError
from ..labeling.manifest import read_manifest, shard_name
from .terminal import Terminal

_MOST_SHOWN = 20


def status(
    directory: Annotated[
        str,
        typer.Argument(
            help="An output directory (or its URL) of predict, filter, label or vocab --part.",
            show_default=False,
        ),
    ],
    all_missing: Annotated[
        bool, typer.Option("--all", help=f"Name all that is missing, and not only the first {_MOST_SHOWN}.")
    ] = False,
) -> None:
    """Say what of a directory is done, what a process is working on, and what is missing.

    The exit code is 0 if everything is done, and 1 otherwise.

        sparsedistill status labels
    """
    ledger = Ledger(directory)
    job, done = _labelling(directory) or (ledger.job(), set[str]())
    if job is None:
        raise InputError(
            f"{directory} has no job of several parts: give an output directory of predict, filter, label or "
            "vocab --part."
        )
    running = ledger.running()
    missing = [unit for unit in job.units if unit not in done and not ledger.is_finished(unit)]
    out = Terminal(highlight=False)
    found = len(job.units) - len(missing)
    out.print(f"{job.command}: {found:,} of {len(job.units):,} {job.unit}s are done.", markup=False)
    for name in running:
        out.print(f"running  {name}", markup=False)
    idle = [unit for unit in missing if unit not in set(running)]
    for name in idle if all_missing else idle[:_MOST_SHOWN]:
        out.print(f"missing  {name}", markup=False)
    if len(idle) > _MOST_SHOWN and not all_missing:
        out.print(f"{len(idle) - _MOST_SHOWN:,} more are missing: --all names them.", markup=False)
    if missing:
        raise typer.Exit(1)


def _labelling(directory: str) -> tuple[JobRecord, set[str]] | None:
    """The job of a labelling, whose units are shards, and those that are finished."""
    if is_url(directory):  # labellings are directories
        return None
    manifest = read_manifest(Path(directory))
    if manifest is None:
        return None
    names = tuple(shard_name(number) for number in range(manifest.shard_count))
    return new_job("label", {}, names, "shard"), {shard.name for shard in manifest.shards}
