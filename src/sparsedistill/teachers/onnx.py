"""A classifier in an ONNX file as a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal.files import content_hash
from .._internal.threads import all_threads
from ..errors import InputError, first_line
from ..problem import SCORE
from .base import Fingerprint, ScoreFormat, TeacherLike
from .scores import checked
from .transformers import by_length, class_names, longest_allowed, quieten_transformers

if TYPE_CHECKING:
    import onnxruntime

#: Where exporters write the model in a directory.
_NAMES = ("model.onnx", "onnx/model.onnx")
#: Suffixes of files next to the model that determine its scores.
_BESIDE = frozenset({".json", ".model", ".txt"})
#: Files of tokenizers.
_TOKENIZERS = ("tokenizer*.json", "vocab*", "*.model")
_NUMBERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}


class OnnxTeacher:
    """A sequence classifier in an ONNX file, with the tokenizer and the config.json that `optimum` exports.

    Args:
        model: The file, or its directory, which has ``model.onnx`` or ``onnx/model.onnx``. Tokenizer and
            config are next to the file, or one directory above.
        max_length: Longest input in tokens of the model; by default the limit of its tokenizer. Longer texts
            are truncated.
        batch_tokens: Tokens per batch, including padding.
        multi_label: A text may have several of the model's classes, whatever its ``problem_type`` says.

    Attributes:
        classes: Names of the classes, from ``id2label`` in config.json; ``("score",)`` if the model has one
            output, which is used as it is.
        multi_label: Whether a text may have several classes: if asked for, or if ``problem_type`` is
            multi-label.
        name: `model`, as a string.

    Raises:
        InputError: The model, its config or its tokenizer cannot be loaded, its batches have a fixed size, or
            `max_length` is out of range.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        max_length: int | None = None,
        batch_tokens: int = 8_192,
        multi_label: bool = False,
    ) -> None:
        self.name = str(model)
        self._file = _file_of(Path(model))
        self._session = _session(self._file)
        self._folder = next((f for f in self._file.parents[:2] if (f / "config.json").is_file()), None)
        if self._folder is None:
            raise InputError(f"{self._file} has no config.json beside it: export the model with optimum.")
        self._tokenizer, config = _load(self._folder)
        self._inputs = _inputs(self._file, self._session)
        self._batch_tokens = batch_tokens
        self._max_length = longest_allowed(self.name, self._tokenizer, config, max_length)
        self.classes = class_names(self.name, config)
        if multi_label and self.classes == SCORE:
            raise InputError(f"{model} has one output, a number: leave out multi-label, which needs classes.")
        several = multi_label or config.problem_type == "multi_label_classification"
        self.multi_label = several and self.classes != SCORE

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, float32 (n, classes), of n texts or pairs of texts.

        Raises:
            InputError: The model fails, has another number of outputs than classes, or returns numbers that
                are not finite.
        """
        logits = np.empty((len(texts), len(self.classes)), dtype=np.float32)
        if not len(texts):
            return logits
        pair = None if text_pair is None else list(text_pair)
        encoded = self._tokenizer(list(texts), pair, truncation=True, max_length=self._max_length)
        lengths = np.array([len(ids) for ids in encoded["input_ids"]])
        for rows in by_length(lengths, self._batch_tokens):
            inputs = {key: [values[i] for i in rows] for key, values in encoded.items()}
            padded = self._tokenizer.pad(inputs, return_tensors="np")
            logits[rows] = checked(self._run(padded), len(rows), self)
        return logits

    def fingerprint(self) -> Fingerprint:
        """Return the hashes of the model's files, and the settings it runs with."""
        assert self._folder is not None  # noqa: S101 - checked by the constructor
        weights = [path for path in self._file.parent.iterdir() if path.name.startswith(self._file.name)]
        beside = [path for path in self._folder.iterdir() if path.suffix in _BESIDE]
        return {
            "kind": "onnx",
            "files": {path.name: content_hash(path) for path in sorted([*weights, *beside])},
            "max_length": self._max_length,
            "multi_label": self.multi_label,
        }

    def _run(self, padded: Any) -> NDArray[Any]:
        """The first output of the model for a batch."""
        missing = [name for name in self._inputs if name not in padded]
        if missing:
            raise InputError(f"{self.name} wants the input {missing[0]}, which its tokenizer does not give.")
        feed = {name: padded[name].astype(dtype) for name, dtype in self._inputs.items()}
        try:
            outputs: list[NDArray[Any]] = self._session.run(None, feed)
        except Exception as error:  # the errors of ONNX Runtime have no common base class
            raise InputError(
                f"{self.name} cannot score these texts ({first_line(error)}): export it again, with batches "
                "and texts of any length."
            ) from error
        return outputs[0]


def from_onnx(given: TeacherLike, scores: ScoreFormat) -> OnnxTeacher | None:
    """Load the teacher of an ONNX file, or of a directory that has one and no weights of PyTorch; else None.

    Raises:
        InputError: It cannot be loaded; see :class:`OnnxTeacher`.
    """
    if not isinstance(given, str | Path):
        return None
    path = Path(given)
    if path.suffix != ".onnx":
        torch_weights = any(path.glob("*.safetensors")) or any(path.glob("*.bin"))
        if torch_weights or not any((path / name).is_file() for name in _NAMES):
            return None
    return OnnxTeacher(given, max_length=scores.max_length, multi_label=scores.multi_label)


def _file_of(model: Path) -> Path:
    candidates = [model] if model.suffix == ".onnx" else [model / name for name in _NAMES]
    for path in candidates:
        if path.is_file():
            return path.resolve()
    raise InputError(f"{candidates[0]} does not exist: give an ONNX file, or a directory with a model.onnx.")


def _session(file: Path) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"{file} needs onnxruntime: pip install 'sparsedistill[onnx]'.") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = all_threads(None)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised too
    usable = onnxruntime.get_available_providers()
    providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in usable]
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=providers)
    except Exception as error:  # the errors of ONNX Runtime have no common base class
        raise InputError(
            f"{file} is not a model that ONNX Runtime can load ({first_line(error)}): export it again."
        ) from error


def _load(folder: Path) -> tuple[Any, Any]:
    """The tokenizer and the config in a directory."""
    try:
        from transformers import AutoConfig, AutoTokenizer
    except ImportError as error:
        raise InputError(f"{folder} needs transformers: pip install 'sparsedistill[onnx]'.") from error
    quieten_transformers()
    if not any(path.is_file() for pattern in _TOKENIZERS for path in folder.glob(pattern)):
        # transformers would make a tokenizer without words.
        raise InputError(f"{folder} has no tokenizer: export the model with optimum, or copy its tokenizer.")
    try:
        config = AutoConfig.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # damaged files raise errors of many kinds
        raise InputError(
            f"The tokenizer or config.json in {folder} cannot be loaded ({first_line(error)}): export the "
            "model with optimum."
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, config


def _inputs(file: Path, session: onnxruntime.InferenceSession) -> dict[str, type[np.integer[Any]]]:
    """Names of the inputs, and their types."""
    found = {}
    for each in session.get_inputs():
        if each.type not in _NUMBERS or len(each.shape) != 2:
            raise InputError(
                f"{file} has the input {each.name} of {each.type}, not tokens: export a classifier."
            )
        if any(isinstance(size, int) for size in each.shape):
            raise InputError(
                f"{file} takes batches of the fixed size {each.shape}: export it with dynamic axes."
            )
        found[each.name] = _NUMBERS[each.type]
    return found
