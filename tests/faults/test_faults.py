"""Full and failing disks, and kills: nothing is lost, and the same command ends with the same bytes."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from support.faults import Commands, Fault
from support.jobs import Jobs, faults


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    folder = tmp_path_factory.mktemp("faults")
    commands = Commands(folder)
    yield Jobs(commands, folder)
    commands.close()


def wrong(jobs: Jobs, name: str, disturbances: list[Fault]) -> list[str]:
    return [sentence for fault in disturbances for sentence in jobs.disturbed(name, fault)]


def test_a_few_faults_of_each_command(jobs: Jobs) -> None:
    """All faults: ``make faults``."""
    for name in jobs.arguments:
        if name not in ("train", "distill"):
            every = [*faults(jobs.undisturbed(name))]
            assert not wrong(jobs, name, every[3 :: len(every) // 3])


@pytest.mark.slow
def test_a_disk_that_becomes_full_at_the_end(jobs: Jobs) -> None:
    for name in ("vocab", "compress", "filter of files", "label", "train"):
        last = jobs.undisturbed(name)
        full = [Fault(at, errno.ENOSPC, lasting=True) for at in range(last - 12, last + 1)]
        assert not wrong(jobs, name, full)


@pytest.mark.slow
def test_kills_before_a_labelling_has_its_manifest(jobs: Jobs) -> None:
    changes = jobs.undisturbed("label")
    assert not wrong(jobs, "label", [Fault(at) for at in range(1, changes // 5)])


@pytest.mark.slow
def test_kills_while_train_deletes_its_checkpoints(jobs: Jobs) -> None:
    last = jobs.undisturbed("train")
    assert not wrong(jobs, "train", [Fault(at) for at in range(last - 10, last + 1)])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "every"), [("train", 41), ("distill", 81), ("teach", 61)])
def test_faults_of_commands_that_train(jobs: Jobs, name: str, every: int) -> None:
    if name == "teach":
        jobs.add_teach()
    assert not wrong(jobs, name, [*faults(jobs.undisturbed(name), every=every)])


@pytest.mark.slow
def test_kills_at_random_moments(jobs: Jobs) -> None:
    for name in jobs.arguments:
        jobs.undisturbed(name)
        assert not wrong(jobs, name, [*jobs.kills(name, 3)])
