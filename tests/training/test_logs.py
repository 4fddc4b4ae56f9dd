"""Training curves in TensorBoard and MLflow, read back with their own packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.encoders import save_encoder

from sparsedistill import InputError
from sparsedistill.__main__ import main
from sparsedistill._internal.training_log import log_figures
from sparsedistill.training.logs import MLflowLog, TensorBoardLog, log_training, logging_to


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars that TensorBoard reads."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder))
    read.Reload()
    return {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    lines = [f"a {word} film number {i}\t{word}\n" for i in range(60) for word in ("good", "bad")]
    path = tmp_path / "labelled.tsv"
    path.write_text("text\tlabel\n" + "".join(lines))
    return path


def distilled(
    labelled: Path, output: Path, log: str, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """The training curve of a job, from ``training.json``."""
    settings = ("training.steps=20", "training.batch_size=32", "student.dim=8", "student.hidden=4")
    chosen = [part for setting in settings for part in ("--set", setting)]
    arguments = ["--labelled", str(labelled), "-o", str(output), "--no-tune", "--no-compact", "--log", log]
    monkeypatch.setattr("sys.argv", ["sparsedistill", "distill", *arguments, *chosen])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    curves = json.loads((output / "training.json").read_text())
    assert [curve["name"] for curve in curves] == ["Training on labels"]
    history: list[dict[str, Any]] = curves[0]["history"]
    return history


@pytest.mark.slow
def test_tensorboard_has_the_curve_of_the_job(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = distilled(labelled, tmp_path / "out", f"tensorboard={tmp_path / 'runs'}", monkeypatch)
    found = events(tmp_path / "runs" / "Training-on-labels")
    for figure in ("accuracy", "validation_loss", "loss"):
        expected = [(entry["step"], entry[figure]) for entry in history if figure in entry]
        assert [step for step, _ in found[figure]] == [step for step, _ in expected]
        assert [value for _, value in found[figure]] == pytest.approx([value for _, value in expected])
    assert len(found["accuracy"]) >= 2


def test_mlflow_has_the_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database needs more packages
    mlflow.set_tracking_uri(tmp_path.as_uri())
    mlflow.set_experiment("tests")
    log = MLflowLog()
    with log_training(log):
        log_figures("Distilling (1 of 3)", 5, {"accuracy": 0.5})
        log_figures("Distilling (1 of 3)", 10, {"accuracy": 0.75})
        active = mlflow.active_run()
        assert active is not None
        run = active.info.run_id
    log.close()
    found = mlflow.MlflowClient().get_metric_history(run, "Distilling 1 of 3/accuracy")
    assert [(one.step, one.value) for one in found] == [(5, 0.5), (10, 0.75)]


def test_nothing_is_logged_outside_of_the_block_or_where_it_is_turned_off(tmp_path: Path) -> None:
    log = TensorBoardLog(tmp_path / "runs")
    with log_training(log), log_training(None):
        log_figures("Distilling", 1, {"loss": 1.0})
    log_figures("Distilling", 2, {"loss": 1.0})
    log.close()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("where", ["tensorboard", "tensorboard=", "wandb", "mlflow=x", ""])
def test_unknown_logs_are_refused(where: str) -> None:
    with pytest.raises(InputError, match="tensorboard=FOLDER or mlflow"), logging_to(where):
        pass


@pytest.mark.slow
def test_the_teacher_is_logged_too(tmp_path: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = save_encoder(tmp_path / "encoder", size=8, layers=1)
    steps = ["--steps", "20", "--evaluations", "2", "--batch-size", "8"]
    where = ["-o", str(tmp_path / "teacher"), "--log", f"tensorboard={tmp_path / 'runs'}"]
    monkeypatch.setattr("sys.argv", ["sparsedistill", "teach", str(encoder), str(labelled), *where, *steps])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    found = events(tmp_path / "runs" / "Fine-tuning-the-teacher")
    assert [step for step, _ in found["validation_accuracy"]] == [10, 20]
    assert [step for step, _ in found["loss"]] == [10, 20]
