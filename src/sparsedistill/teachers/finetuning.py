"""Fine-tuning an encoder into a teacher, with the Trainer of transformers."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal.files import atomic_write
from .._internal.progress import Advance, Progress, no_progress
from ..errors import InputError, first_line
from .transformers import longest_input, quieten_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback

logger = logging.getLogger(__package__)

#: File next to the model with the arguments of the run, so that a second run can recognise it.
_RECORD = "finetuning.json"

#: Names of the attention dropout in the configs of the model families.
_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")


@dataclass(frozen=True)
class FinetuningConfig:
    """Settings for fine-tuning a teacher.

    Attributes:
        epochs: Passes over the labelled texts.
        learning_rate: Peak learning rate of AdamW; linear warm-up over 6 % of the steps, then linear decay.
        batch_size: Texts per step.
        max_length: Longest input in tokens of the encoder; longer texts are truncated.
        keep: Which end of a longer text is kept: ``"start"`` or ``"end"`` (the verdict of a review is often
            at its end).
        weight_decay: Weight decay of AdamW.
        attention_dropout: Dropout of attention weights. 0 lets PyTorch use its fused attention, which makes
            a step on a CPU twice as fast.
        half_precision: Autocast to bfloat16 if the device supports it natively.
        seed: Seeds the new head, the order of the texts and dropout.

    Raises:
        InputError: A setting is out of range.
    """

    epochs: float = 2.0
    learning_rate: float = 5e-5
    batch_size: int = 32
    max_length: int = 256
    keep: str = "start"
    weight_decay: float = 0.01
    attention_dropout: float = 0.0
    half_precision: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.keep not in ("start", "end"):
            raise InputError(f"keep is {self.keep!r}: it must be 'start' or 'end'.")
        for name in ("epochs", "learning_rate", "batch_size", "max_length"):
            if not getattr(self, name) > 0:
                raise InputError(
                    f"{name} of the teacher is {getattr(self, name)}: it must be greater than 0."
                )


def finetune(
    model: str | Path,
    texts: Sequence[str],
    labels: NDArray[np.int64] | NDArray[np.float32],
    classes: Sequence[str],
    output: str | Path,
    *,
    text_pair: Sequence[str] | None = None,
    config: FinetuningConfig | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Fine-tune `model` as a classifier and save it, with its tokenizer, to `output`.

    The run writes to the directory ``<output>.partial``, which is renamed at the end. An interrupted run
    resumes from its last checkpoint if it is started again with the same arguments; a finished one is not
    repeated.

    Args:
        model: Local directory or Hub id of an encoder.
        texts: n texts.
        labels: int64 (n,), class indices; for multi-label, float32 (n, classes) of 0 and 1.
        classes: Names of the classes, in the order of the indices.
        output: Directory to create.
        text_pair: n second texts, for pairs.
        config: Settings.
        progress: Receives the progress.

    Returns:
        `output`, as a path.

    Raises:
        InputError: `output` or its partial directory belongs to something else, the numbers of texts and
            labels differ, or `model` cannot be loaded.
    """
    config = config or FinetuningConfig()
    output = Path(output)
    for given, what in ((labels, "labels"), (texts if text_pair is None else text_pair, "second texts")):
        if len(given) != len(texts):
            raise InputError(f"{len(texts)} texts have {len(given)} {what}: give exactly one for each.")
    job = {
        "model": str(model),
        "classes": list(classes),
        "examples": _digest(texts, text_pair or (), labels),
        **asdict(config),
    }
    if output.exists():
        if _recorded(output) == job:
            return output
        raise InputError(
            f"{output} exists already: name another output directory, or delete it to train again."
        )
    partial = output.with_name(output.name + ".partial")
    _claim(partial, job)
    network, tokenizer = _load(str(model), classes, multi_label=labels.ndim == 2, config=config)
    encoded = tokenizer(
        list(texts),
        None if text_pair is None else list(text_pair),
        truncation=True,
        return_attention_mask=False,
    )
    dataset = [
        {"input_ids": ids, "length": len(ids), "labels": label, **_segments(encoded, i)}
        for i, (ids, label) in enumerate(zip(encoded["input_ids"], labels.tolist(), strict=True))
    ]
    _train(network, tokenizer, dataset, partial / "checkpoints", config, progress)
    network.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    shutil.rmtree(partial / "checkpoints")
    partial.rename(output)
    return output


def _train(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    dataset: list[dict[str, Any]],
    checkpoints: Path,
    config: FinetuningConfig,
    progress: Progress,
) -> None:
    """Train to the end, from the last checkpoint if there is one."""
    import torch
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    steps = -(-len(dataset) // config.batch_size)
    cuda = torch.cuda.is_available()
    native = torch.cuda.is_bf16_supported() if cuda else torch.cpu._is_avx512_bf16_supported()
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup_steps=0.06,
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length",
        bf16=config.half_precision and native,
        use_cpu=not cuda,
        save_strategy="steps",
        save_steps=max(50, steps // 8),
        save_total_limit=1,
        logging_strategy="steps",
        logging_steps=10,
        report_to="none",
        disable_tqdm=True,
        seed=config.seed,
        dataloader_pin_memory=cuda,
    )
    with progress("Fine-tuning the teacher", int(steps * config.epochs), "steps") as advance:
        trainer = Trainer(
            model=network,
            args=arguments,
            train_dataset=dataset,
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[_bar(advance)],
        )
        _silence(trainer)
        trainer.train(resume_from_checkpoint=any(checkpoints.glob("checkpoint-*")) or None)


def _load(
    model: str, classes: Sequence[str], *, multi_label: bool, config: FinetuningConfig
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, set_seed

    set_seed(config.seed)  # draws the new head
    quieten_transformers()
    try:
        settings = AutoConfig.from_pretrained(model)
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{model} is not an encoder that transformers can load ({first_line(error)}): give a local model "
            "directory or a Hub id."
        ) from error
    settings.id2label = dict(enumerate(classes))
    settings.label2id = {name: i for i, name in enumerate(classes)}
    settings.problem_type = "multi_label_classification" if multi_label else "single_label_classification"
    for name in _ATTENTION_DROPOUT:
        if hasattr(settings, name):
            setattr(settings, name, config.attention_dropout)
    tokenizer.model_max_length = min(config.max_length, longest_input(settings, tokenizer))
    tokenizer.truncation_side = "left" if config.keep == "end" else "right"
    network = AutoModelForSequenceClassification.from_pretrained(model, config=settings, dtype="float32")
    return network, tokenizer


def _segments(encoded: Any, i: int) -> dict[str, list[int]]:
    return {"token_type_ids": encoded["token_type_ids"][i]} if "token_type_ids" in encoded else {}


def _digest(texts: Sequence[str], text_pair: Sequence[str], labels: NDArray[Any]) -> str:
    """Hash of the labelled texts, so that a run is resumed with the same texts only."""
    digest = hashlib.blake2b(labels.tobytes(), digest_size=16)
    for text in (*texts, *text_pair):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\xff")
    return digest.hexdigest()


def _recorded(folder: Path) -> Any:
    """The arguments that a directory was made with, or None if they are not recorded."""
    record = folder / _RECORD
    try:
        return json.loads(record.read_text(encoding="utf-8")) if record.exists() else None
    except ValueError:
        return None


def _claim(partial: Path, job: dict[str, Any]) -> None:
    """Make the directory `partial`, or check that this job may resume it."""
    if not partial.exists():
        partial.mkdir(parents=True)
        with atomic_write(partial / _RECORD) as record:
            record.write_text(json.dumps(job, indent=1), encoding="utf-8")
    elif _recorded(partial) != job:
        raise InputError(
            f"{partial} has checkpoints of another fine-tuning run: delete it, or name another directory."
        )
    elif any((partial / "checkpoints").glob("checkpoint-*")):
        logger.info(f"Resuming from the last checkpoint in {partial}.")


def _bar(advance: Advance) -> TrainerCallback:
    from transformers import TrainerCallback

    class Bar(TrainerCallback):
        done = 0

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            del args, control, kwargs
            advance(state.global_step - self.done)
            self.done = state.global_step

        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any
        ) -> None:
            del args, state, control, kwargs
            if logs and "loss" in logs:
                advance(0, note=f"loss {float(logs['loss']):.3f}")

    return Bar()


def _silence(trainer: Any) -> None:
    """Remove the callback that prints to stdout: the progress callback shows the loss."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
