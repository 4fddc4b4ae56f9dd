"""A sequence classifier of transformers as a teacher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal.files import content_hash
from .._internal.records import read_record
from ..errors import InputError, first_line
from ..problem import SCORE
from .base import Fingerprint, ScoreFormat, TeacherLike
from .precision import half_type, use_full_precision_outputs
from .scores import checked

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

#: Families of models whose position embeddings start after the index of the padding token.
_SHIFTED_POSITIONS = frozenset(
    {"camembert", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta"}
)
#: How the first token of a word starts in vocabularies of byte pairs (RoBERTa) and of SentencePiece (XLM-R).
_BYTE_PAIRS = "\u0120"
_WORD_STARTS = (_BYTE_PAIRS, "\u2581")
_MOST_WORDS = 50_000
#: Suffixes of the files that determine the scores of a local model.
_MODEL_FILES = frozenset({".bin", ".json", ".model", ".safetensors", ".txt"})


@dataclass(frozen=True)
class _CrossEncoderConfig:
    """config_sentence_transformers.json.

    Attributes:
        activation_fn: What follows the outputs; missing for encoders.
    """

    activation_fn: str | None = None


class TransformersTeacher:
    """A sequence classifier of transformers.

    Args:
        model: Local directory or Hub id of a fine-tuned classifier.
        max_length: Longest input in tokens of the model; by default the limit of its tokenizer. Longer texts
            are truncated on the side that the tokenizer is configured for.
        batch_tokens: Tokens per batch, including padding; by default 8,192 on a CPU and 65,536 on a GPU.
        device: A torch device; by default the GPU if there is one.
        half_precision: Compute in 16 bits, except for the last layer, if the device supports it natively.
        revision: Branch, tag or commit of a model on the Hub; by default its main branch.
        multi_label: A text may have several of the model's classes, whatever its ``problem_type`` says: many
            models that were trained so do not say it.

    Attributes:
        classes: Names of the classes, from the model's ``id2label``; ``("score",)`` if it has one output,
            which is used as it is, or as a CrossEncoder of sentence-transformers gives it (mostly from 0 to
            1) if the model was saved by one.
        multi_label: Whether a text may have several classes: if asked for, or if the model's ``problem_type``
            is multi-label.
        name: `model`, as a string.
        parameters: Number of parameters.

    Raises:
        InputError: `model` cannot be loaded, is not a trained classifier, has one output although
            `multi_label` is given, or `max_length` is out of range.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        max_length: int | None = None,
        batch_tokens: int | None = None,
        device: str | torch.device | None = None,
        half_precision: bool = True,
        revision: str | None = None,
        multi_label: bool = False,
    ) -> None:
        import torch

        self.name = str(model)
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._half = half_type(self._device) if half_precision else None
        self._asked_half = half_precision
        on_gpu = self._device.type != "cpu"
        self._tokenizer, network = _load(self.name, self._half if on_gpu else None, revision)
        self._network: Any = network.train(False).to(self._device)
        self.parameters = sum(array.numel() for array in network.parameters())
        self._batch_tokens = batch_tokens or (65_536 if on_gpu else 8_192)
        self._max_length = longest_allowed(self.name, self._tokenizer, network.config, max_length)
        self.classes = class_names(self.name, network.config)
        if self._half is not None:
            use_full_precision_outputs(self._network)
        if multi_label and self.classes == SCORE:
            raise InputError(f"{model} has one output, a number: leave out multi-label, which needs classes.")
        several = multi_label or network.config.problem_type == "multi_label_classification"
        self.multi_label = several and self.classes != SCORE
        self._sigmoid = self.classes == SCORE and _has_sigmoid(Path(self.name), network.config)

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, float32 (n, classes), of n texts or pairs of texts.

        Texts are batched by length, which keeps padding small.

        Raises:
            InputError: The model returns numbers that are not finite.
        """
        logits = np.empty((len(texts), len(self.classes)), dtype=np.float32)
        for rows, batch in self._batches(texts, text_pair):
            outputs = self._network(**batch).logits.float()
            logits[rows] = (outputs.sigmoid() if self._sigmoid else outputs).cpu().numpy()
        return checked(logits, len(texts), self)

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the mean of the encoder's last hidden states for each of n texts, float32 (n, width)."""
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        for rows, batch in self._batches(texts, None):
            states = self._network.base_model(**batch).last_hidden_state.float()
            mask = batch["attention_mask"][:, :, None]
            means = (states * mask).sum(1) / mask.sum(1)
            for row, mean in zip(rows, means.cpu().numpy(), strict=True):
                found[row] = mean
        return np.stack(found) if found else np.empty((0, 0), np.float32)

    def word_embeddings(self) -> tuple[list[str], NDArray[np.float32]]:
        """Whole words of the tokenizer, in lower case, and their input embeddings, float32 (n, width).

        The vocabulary of most tokenizers is in the order of frequency: words after the first 50,000 are left
        out.
        """
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        start = _word_start(vocabulary)
        rows: dict[str, int] = {}
        for token, row in sorted(vocabulary.items(), key=lambda item: item[1]):
            word = token.removeprefix(start)
            # Byte pairs write letters that are not ASCII as other letters.
            whole = token.startswith(start) and (start != _BYTE_PAIRS or word.isascii())
            if whole and len(word) > 1 and word.isalpha():
                rows.setdefault(word.lower(), row)
        words = list(rows)[:_MOST_WORDS]
        weights = self._network.get_input_embeddings().weight
        return words, weights[[rows[word] for word in words]].detach().float().cpu().numpy()

    def _batches(
        self, texts: Sequence[str], text_pair: Sequence[str] | None
    ) -> Iterator[tuple[NDArray[np.int64], Any]]:
        """Yield batches: row numbers of the texts, and the inputs of the network."""
        import torch

        if not len(texts):
            return
        encoded = self._tokenizer(
            list(texts),
            None if text_pair is None else list(text_pair),
            truncation=True,
            max_length=self._max_length,
        )
        lengths = np.array([len(ids) for ids in encoded["input_ids"]])
        with torch.inference_mode(), self._autocast():
            for rows in by_length(lengths, self._batch_tokens):
                inputs = {key: [values[i] for i in rows] for key, values in encoded.items()}
                yield rows, self._tokenizer.pad(inputs, return_tensors="pt").to(self._device)

    def fingerprint(self) -> Fingerprint:
        """Return the hashes of the model's files, or its Hub id and commit, and the settings it runs with."""
        settings = {
            "max_length": self._max_length,
            "half_precision": self._asked_half,
            "multi_label": self.multi_label,
        }
        folder = Path(self.name)
        if not folder.is_dir():
            commit = getattr(self._network.config, "_commit_hash", None)
            return {"kind": "transformers", "model": self.name, "commit": commit, **settings}
        files = sorted(path for path in folder.iterdir() if path.suffix in _MODEL_FILES)
        return {
            "kind": "transformers",
            "files": {path.name: content_hash(path) for path in files},
            **settings,
        }

    def _autocast(self) -> AbstractContextManager[Any]:
        import torch

        if self._half is None or self._device.type != "cpu":
            return nullcontext()
        return torch.autocast("cpu", dtype=self._half)


def _word_start(vocabulary: Iterable[str]) -> str:
    """What words start with in a vocabulary; empty for word pieces, which can have the sign as a letter."""
    tokens = list(vocabulary)
    for sign in _WORD_STARTS:
        if 10 * sum(token.startswith(sign) for token in tokens) > len(tokens):
            return sign
    return ""


def from_model(given: TeacherLike, scores: ScoreFormat) -> TransformersTeacher | None:
    """Load the classifier of a directory or Hub id; return None if `given` is neither a str nor a Path.

    Raises:
        InputError: It cannot be loaded; see :class:`TransformersTeacher`.
    """
    if not isinstance(given, str | Path):
        return None
    return TransformersTeacher(
        given, max_length=scores.max_length, revision=scores.revision, multi_label=scores.multi_label
    )


def longest_input(config: Any, tokenizer: Any) -> int:
    """Return how many tokens a model can read: by its position embeddings, else the tokenizer's limit."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return int(tokenizer.model_max_length)
    shift = (config.pad_token_id or 0) + 1 if config.model_type in _SHIFTED_POSITIONS else 0
    return int(positions) - shift


def quieten_transformers() -> None:
    """Turn off the warnings and progress bars of transformers: the package has its own."""
    from transformers.utils import logging

    logger: Any = logging
    logger.set_verbosity_error()
    logger.disable_progress_bar()


def _load(
    model: str, dtype: torch.dtype | None, revision: str | None
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    quieten_transformers()
    try:
        pinned = {} if revision is None else {"revision": revision}
        tokenizer = AutoTokenizer.from_pretrained(model, **pinned)
        network, report = AutoModelForSequenceClassification.from_pretrained(
            model, dtype=dtype or torch.float32, output_loading_info=True, **pinned
        )
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise InputError(
            f"{model} is not a classifier that transformers can load ({reason}): give a local model "
            "directory or a Hub id."
        ) from error
    if report["missing_keys"]:
        raise InputError(
            f"{model} has no trained classification head ({sorted(report['missing_keys'])[0]} is missing): "
            "fine-tune it first with `sparsedistill teach`."
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
        network.config.pad_token_id = tokenizer.pad_token_id
    return tokenizer, network


def _has_sigmoid(folder: Path, config: Any) -> bool:
    """Whether a CrossEncoder of sentence-transformers saved the model, with a sigmoid after its output."""
    recorded = getattr(config, "sentence_transformers", None)
    found = recorded.get("activation_fn") if isinstance(recorded, dict) else None
    found = found or getattr(config, "sbert_ce_default_activation_function", None)  # before version 4
    beside = folder / "config_sentence_transformers.json"  # since version 6
    if found is None and beside.is_file():
        advice = "save the model again with sentence-transformers"
        found = read_record(beside, _CrossEncoderConfig, advice).activation_fn
    return found is not None and str(found).endswith("Sigmoid")


def longest_allowed(model: str, tokenizer: Any, config: Any, asked: int | None) -> int:
    """Return the longest input in tokens: `asked`, or by default the tokenizer's limit.

    Raises:
        InputError: `asked` is more than the model can read.
    """
    longest = longest_input(config, tokenizer)
    if asked is None:
        return int(min(tokenizer.model_max_length, longest))
    if not 1 <= asked <= longest:
        raise InputError(f"max_length is {asked}: it must be 1 to {longest}, the longest input of {model}.")
    return asked


def class_names(model: str, config: Any) -> tuple[str, ...]:
    """Return the names of the classes in a model's config; ``("score",)`` if it has one output.

    Raises:
        InputError: Two classes have the same name.
    """
    if config.num_labels == 1:
        return SCORE
    names = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    if len(set(names)) < len(names):
        raise InputError(f"{model} has two classes of the same name: fix id2label in its config.json.")
    return names


def by_length(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers in batches of at most `tokens` with padding, or of one row, longest texts first."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + max(1, tokens // int(lengths[order[start]]))
        yield order[start:stop]
        start = stop
