"""What a teacher is, and what can be one: a transformer, a callable, scores that stand in a file."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal.files import content_hash
from ..errors import InputError, first_line

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

#: What can be passed as a teacher: a classifier's directory or Hub id, a function from texts to scores, or a
#: :class:`Teacher`.
TeacherLike: TypeAlias = "str | Path | Teacher | Callable[..., ArrayLike]"

#: Families whose position embeddings begin behind the index of the padding token.
_SHIFTED_POSITIONS = frozenset(
    {"camembert", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta"}
)
#: What decides a local model's answers, by the ending of the file's name.
_MODEL_FILES = frozenset({".bin", ".json", ".model", ".safetensors", ".txt"})
#: Probabilities closer to 0 or 1 than this have no finite logit worth learning.
_SMALLEST_PROBABILITY = 1e-7


@runtime_checkable
class Teacher(Protocol):
    """Anything that scores texts.

    Attributes:
        classes: The names of the classes, in the order of the scores.
        multi_label: Whether a text may belong to several classes (sigmoid rather than softmax).
        name: What people call it.
    """

    classes: tuple[str, ...]
    multi_label: bool
    name: str

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Logits, float32 (n, classes), of n texts or pairs of texts."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """What tells this teacher from any other, as JSON can hold it."""
        ...


class TransformersTeacher:
    """Any sequence classifier of transformers.

    Args:
        model: Local directory or Hub id of a fine-tuned classifier.
        max_length: Longest text in the model's tokens; by default what its tokenizer says. Which end of
            a longer text is kept is the tokenizer's choice too.
        batch_tokens: Tokens a step, padding included; by default 8,192 on a processor, 65,536 on a GPU.
        device: A torch device; by default a GPU where there is one.
        half_precision: Compute in 16 bits where the device does so natively.

    Attributes:
        parameters: How many numbers the model has learnt.

    Raises:
        InputError: `model` cannot be loaded, is not a trained classifier, or gives one number only; or
            `max_length` is more than it can read.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        max_length: int | None = None,
        batch_tokens: int | None = None,
        device: str | torch.device | None = None,
        half_precision: bool = True,
    ) -> None:
        import torch

        self.name = str(model)
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._half = _half_type(self._device) if half_precision else None
        self._asked_half = half_precision
        on_gpu = self._device.type != "cpu"
        self._tokenizer, network = _load(self.name, self._half if on_gpu else None)
        self._network: Any = network.train(False).to(self._device)
        self.parameters = sum(array.numel() for array in network.parameters())
        self._batch_tokens = batch_tokens or (65_536 if on_gpu else 8_192)
        self._max_length = _max_length(self.name, self._tokenizer, network.config, max_length)
        self.classes = _class_names(self.name, network.config)
        self.multi_label = network.config.problem_type == "multi_label_classification"

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Logits, float32 (n, classes), of n texts or pairs of texts.

        Texts of like length are scored together, so that little is spent on padding.

        Raises:
            InputError: The model answers with numbers that are not finite.
        """
        logits = np.empty((len(texts), len(self.classes)), dtype=np.float32)
        for rows, batch in self._batches(texts, text_pair):
            logits[rows] = self._network(**batch).logits.float().cpu().numpy()
        return checked(logits, len(texts), self)

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the encoder makes of n texts: the mean of its last hidden states, float32 (n, width)."""
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        for rows, batch in self._batches(texts, None):
            states = self._network.base_model(**batch).last_hidden_state.float()
            mask = batch["attention_mask"][:, :, None]
            means = (states * mask).sum(1) / mask.sum(1)
            for row, mean in zip(rows, means.cpu().numpy(), strict=True):
                found[row] = mean
        return np.stack(found) if found else np.empty((0, 0), np.float32)

    def _batches(
        self, texts: Sequence[str], text_pair: Sequence[str] | None
    ) -> Iterator[tuple[NDArray[np.int64], Any]]:
        """Which texts are read together, and what the network takes of them."""
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
            for rows in _by_length(lengths, self._batch_tokens):
                inputs = {key: [values[i] for i in rows] for key, values in encoded.items()}
                yield rows, self._tokenizer.pad(inputs, return_tensors="pt").to(self._device)

    def fingerprint(self) -> dict[str, Any]:
        """The model's files with their hashes, or its Hub id with the commit; and how it is run."""
        settings = {"max_length": self._max_length, "half_precision": self._asked_half}
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


class CallableTeacher:
    """A function from texts to scores.

    Args:
        function: ``function(texts)``, with pairs ``function(texts, text_pair)``, both lists of n strings;
            returns an array (n, classes).
        classes: The names of the classes.
        multi_label: Whether a text may belong to several classes.
        outputs: What `function` returns: ``"logits"`` or ``"probabilities"``.
        name: What to call it, in a labelling's manifest too; by default the function's own name. A
            function that changes in ways that its code does not show (a model it loads, a prompt) should
            get another name.

    Raises:
        InputError: There are fewer than two classes, or `outputs` is neither of the two.
    """

    def __init__(
        self,
        function: Callable[..., ArrayLike],
        classes: Sequence[str],
        multi_label: bool = False,
        outputs: str = "logits",
        name: str | None = None,
    ) -> None:
        _check_outputs(classes, outputs)
        self.classes = tuple(classes)
        self.multi_label = multi_label
        self.name = name or _qualified_name(function)
        self._function = function
        self._outputs = outputs

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Logits, float32 (n, classes), of n texts or pairs of texts.

        Raises:
            InputError: The function returns another shape, infinite numbers, or no probabilities.
        """
        arguments = [list(texts)] if text_pair is None else [list(texts), list(text_pair)]
        scores = checked(self._function(*arguments), len(texts), self)
        return as_logits(scores, self._outputs, self)

    def fingerprint(self) -> dict[str, Any]:
        """The function's name and a hash of its byte code, which is that of one version of Python."""
        return {
            "kind": "callable",
            "name": self.name,
            "code": _code_hash(self._function),
            "outputs": self._outputs,
        }


@dataclass(frozen=True)
class FileTeacher:
    """A teacher that has spoken before: its scores stand beside the texts, in the corpus's `scores` columns.

    Attributes:
        classes: The names of the classes, in the order of the scores.
        multi_label: Whether a text may belong to several classes.
        outputs: What the scores are: ``"logits"`` or ``"probabilities"``.
        name: What people call it.

    Raises:
        InputError: There are fewer than two classes, or `outputs` is neither of the two.
    """

    classes: tuple[str, ...]
    multi_label: bool = False
    outputs: str = "logits"
    name: str = "scores in the corpus"

    def __post_init__(self) -> None:
        _check_outputs(self.classes, self.outputs)

    def logits(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores of n texts as logits, float32 (n, classes).

        Raises:
            InputError: There are not as many scores a text as classes, or they are no probabilities.
        """
        return as_logits(checked(scores, len(scores), self), self.outputs, self)

    def fingerprint(self) -> dict[str, Any]:
        """What the scores mean; which ones they are, the corpus knows."""
        return {"kind": "file", "outputs": self.outputs}


def as_teacher(
    teacher: TeacherLike,
    classes: Sequence[str] | None = None,
    multi_label: bool = False,
    outputs: str = "logits",
) -> Teacher:
    """The teacher that is meant: itself, the transformer of that name, or the function with `classes`.

    Raises:
        InputError: A function came without `classes`, or what came is none of these.
    """
    if isinstance(teacher, (str, Path)):
        return TransformersTeacher(teacher)
    if isinstance(teacher, Teacher):
        return teacher
    if not callable(teacher):
        raise InputError(f"{teacher!r} is no teacher: give a model directory, a Hub id or a function.")
    if classes is None:
        raise InputError(f"{_qualified_name(teacher)} has no classes: name them, in the order of its scores.")
    return CallableTeacher(teacher, classes, multi_label, outputs)


def checked(scores: ArrayLike, rows: int, teacher: Teacher | FileTeacher) -> NDArray[np.float32]:
    """`scores` as float32 (rows, classes) of finite numbers.

    Raises:
        InputError: They are not that.
    """
    try:
        array = np.asarray(scores, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{teacher.name} returned something that is no array of numbers: return shape (texts, classes)."
        ) from error
    if array.shape != (rows, len(teacher.classes)):
        raise InputError(
            f"{teacher.name} gave scores of shape {array.shape} for {rows} texts and "
            f"{len(teacher.classes)} classes: they have to be one row a text and one column a class."
        )
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(
            f"{teacher.name} gave scores that are not finite (text {row} of {rows}): mend it, or turn half "
            "precision off."
        )
    return array


def as_logits(
    scores: NDArray[np.float32], outputs: str, teacher: Teacher | FileTeacher
) -> NDArray[np.float32]:
    """Logits as they are; probabilities as log p, for multi-label as log p / (1 - p).

    Raises:
        InputError: `outputs` says probabilities, and these are none.
    """
    if outputs == "logits":
        return scores
    if scores.size and (scores.min() < -1e-4 or scores.max() > 1 + 1e-4):
        worst = scores.min() if scores.min() < 0 else scores.max()
        raise InputError(
            f"{teacher.name} gave a probability of {worst:g}: give numbers between 0 and 1, or say that they "
            "are logits."
        )
    if not teacher.multi_label and np.abs(scores.sum(axis=1) - 1).max(initial=0) > 0.02:
        row = int(np.abs(scores.sum(axis=1) - 1).argmax())
        raise InputError(
            f"{teacher.name} gave probabilities that sum to {scores[row].sum():g}: make them sum to 1, "
            "or say that several classes may apply (multi-label)."
        )
    clipped = np.clip(scores.astype(np.float64), _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    logits = np.log(clipped) - (np.log1p(-clipped) if teacher.multi_label else 0)
    return logits.astype(np.float32)


def longest_input(config: Any, tokenizer: Any) -> int:
    """How many tokens a transformer can read, by its position embeddings; or what its tokenizer allows."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return int(tokenizer.model_max_length)
    shift = (config.pad_token_id or 0) + 1 if config.model_type in _SHIFTED_POSITIONS else 0
    return int(positions) - shift


def quieten_transformers() -> None:
    """Let it neither warn nor draw bars of its own: what matters is said in our words."""
    from transformers.utils import logging

    logger: Any = logging
    logger.set_verbosity_error()
    logger.disable_progress_bar()


def _check_outputs(classes: Sequence[str], outputs: str) -> None:
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise InputError(f"The classes {list(classes)} are not two or more different names: mend them.")
    if outputs not in ("logits", "probabilities"):
        raise InputError(f"Outputs of the kind {outputs!r} are not known: say 'logits' or 'probabilities'.")


def _half_type(device: torch.device) -> torch.dtype | None:
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return None


def _load(model: str, dtype: torch.dtype | None) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    quieten_transformers()
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        network, report = AutoModelForSequenceClassification.from_pretrained(
            model, dtype=dtype or torch.float32, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise InputError(
            f"{model} is no classifier that transformers can load ({reason}): give a local model "
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


def _max_length(model: str, tokenizer: Any, config: Any, asked: int | None) -> int:
    longest = longest_input(config, tokenizer)
    if asked is None:
        return int(min(tokenizer.model_max_length, longest))
    if not 1 <= asked <= longest:
        raise InputError(
            f"A maximum length of {asked} is not possible: {model} reads 1 to {longest} tokens of a text."
        )
    return asked


def _class_names(model: str, config: Any) -> tuple[str, ...]:
    if config.num_labels < 2:
        raise InputError(
            f"{model} gives one number a text (regression): give a classifier with two or more classes."
        )
    names = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    if len(set(names)) < len(names):
        raise InputError(f"{model} gives two classes one name: mend id2label in its config.json.")
    return names


def _by_length(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers in batches of at most `tokens` after padding (or one row), the longest texts first."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + max(1, tokens // int(lengths[order[start]]))
        yield order[start:stop]
        start = stop


def _qualified_name(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _code_hash(function: Callable[..., Any]) -> str | None:
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return hashlib.blake2b(_code_bytes(code), digest_size=16).hexdigest() if code is not None else None


def _code_bytes(code: CodeType) -> bytes:
    """The same for the same source in every process."""
    return b"\0".join([code.co_code, *map(_constant_bytes, code.co_consts), *map(str.encode, code.co_names)])


def _constant_bytes(constant: Any) -> bytes:
    if isinstance(constant, CodeType):
        return _code_bytes(constant)
    if isinstance(constant, frozenset):  # its order differs from one process to the next
        return repr(sorted(map(repr, constant))).encode()
    return repr(constant).encode()
