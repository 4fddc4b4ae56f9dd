"""The student as it is deployed: load, predict, save. Imports neither torch nor transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._internal.files import atomic_directory, read_json
from ._internal.tensors import map_tensors, write_tensors
from ._internal.texts import CoreTexts, Texts
from .errors import InputError
from .model.card import model_card
from .model.compact import CompactNetwork
from .model.predictions import StudentAnswers
from .vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from .device import DeviceStudent, Precision
    from .explain.explain import Explanation

FORMAT_VERSION = 1
_WEIGHTS = ("table", "hidden.weight", "hidden.bias", "output.weight", "output.bias")
_MODEL_FILE = "model.safetensors"


@dataclass(frozen=True)
class Network:
    """The weights of a trained student (Ye et al. 2022, section 3.1), all float32.

    Attributes:
        table: (rows, dim), an embedding for each n-gram.
        hidden_weight: (hidden, dim); (hidden, 5 * dim + 3) where two texts are compared.
        hidden_bias: (hidden,).
        output_weight: (classes, hidden).
        output_bias: (classes,).
    """

    table: NDArray[np.float32]
    hidden_weight: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output_weight: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    @property
    def dim(self) -> int:
        """Dimensions of an embedding."""
        return int(self.table.shape[1])

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The weights by their names on disk, in the order to write them."""
        return dict(zip(_WEIGHTS, vars(self).values(), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Network:
        """The weights of :meth:`arrays`.

        Raises:
            KeyError: One is missing.
            TypeError: One is not float32.
        """
        for name in _WEIGHTS:
            if arrays[name].dtype != np.float32:
                raise TypeError(f"{name} is {arrays[name].dtype}, not float32")
        return cls(*(arrays[name] for name in _WEIGHTS))


@dataclass
class Student(StudentAnswers):
    """A text classifier over n-gram embeddings, with raw text in and labels out.

    Several threads may use one student at once.

    Args:
        vocabulary: The n-grams it knows.
        network: Its weights, as trained or compact.
        classes: The names of the classes.
        multi_label: The classes do not exclude each other (sigmoid instead of softmax).
        pair: It compares two texts instead of reading one.
        evaluation: What was measured of it, for the model card.

    Raises:
        InputError: The parts do not fit together.
    """

    vocabulary: Vocabulary
    network: Network | CompactNetwork
    classes: tuple[str, ...]
    multi_label: bool = False
    pair: bool = False
    evaluation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.network.output_bias):
            raise InputError(
                f"{len(self.classes)} class names came with {len(self.network.output_bias)} outputs: "
                "each output needs one name."
            )
        try:
            self._classifier = self._make_classifier()
        except (TypeError, ValueError) as error:
            raise InputError(f"The student's parts do not fit together ({error}): save it again.") from error

    def _make_classifier(self) -> _core.Classifier | _core.CompactClassifier:
        weights = self.network
        if isinstance(weights, CompactNetwork):
            if weights.pair != self.pair:
                raise ValueError("a basis is there for pairs, and only for them")
            return weights.classifier(self.vocabulary.tokenizer, closed=self.vocabulary.closed)
        return _core.Classifier(
            self.vocabulary.core,
            weights.table,
            self.pair,
            weights.hidden_weight,
            weights.hidden_bias,
            weights.output_weight,
            weights.output_bias,
        )

    def __repr__(self) -> str:
        kind = "pairs of texts" if self.pair else "texts"
        if isinstance(self.network, CompactNetwork):
            return f"Student({kind} -> {', '.join(self.classes)}; compact, {len(self.vocabulary):,} n-grams)"
        parameters = sum(array.size for array in self.network.arrays().values())
        return f"Student({kind} -> {', '.join(self.classes)}; {parameters:,} parameters)"

    def _answer(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._classifier(texts, text_pair, threads)

    # ---- other forms -----------------------------------------------------------------------------

    def compress(self, texts: Texts, text_pair: Texts | None = None, **options: Any) -> Student:
        """The compact form of this student: see :func:`~sparsedistill.compression.compress`."""
        from .compression.compress import compress

        return compress(self, texts, text_pair, **options)

    def to(self, device: str, precision: Precision = "auto") -> DeviceStudent:
        """This student with its table on a torch device, for large batches of texts on a GPU.

        It answers as this one does, within 0.001: see :class:`~sparsedistill.device.DeviceStudent`.

        Args:
            device: A torch device, such as ``"cuda"``.
            precision: How the table's numbers are kept: ``"float16"``, ``"float32"``, or ``"auto"`` for
                float16 on CUDA where answers stay the same within 0.001.

        Raises:
            InputError: torch is not installed, the device cannot be used or has too little memory, or
                the student is compact.
        """
        try:
            from .device import DeviceStudent
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise InputError(
                "A student on a device needs torch: pip install 'sparsedistill[train]'."
            ) from error
        return DeviceStudent(self, device, precision)

    def explain(self, text: str, text_pair: str | None = None) -> Explanation:
        """What each n-gram of a text adds to each class: see :func:`~sparsedistill.explain.explain`."""
        from .explain.explain import explain

        return explain(self, text, text_pair)

    # ---- on disk ---------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the student to a new directory that the Hugging Face Hub understands.

        ``config.json``, ``model.safetensors`` (vocabulary and weights), ``ngrams.parquet`` (the
        strings, for people) and ``README.md`` (the model card).

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        with atomic_directory(directory) as partial:
            write_tensors(partial / _MODEL_FILE, {**self.vocabulary.arrays(), **self.network.arrays()})
            (partial / "config.json").write_text(json.dumps(self.config(), indent=2) + "\n", "utf-8")
            (partial / "README.md").write_text(model_card(self.config(), Path(directory).name), "utf-8")
            self.vocabulary.save_ngrams(partial)

    def config(self) -> dict[str, Any]:
        """What ``config.json`` holds."""
        return {
            "format": "sparsedistill",
            "format_version": FORMAT_VERSION,
            "classes": list(self.classes),
            "multi_label": self.multi_label,
            "pair": self.pair,
            "dim": self.network.dim,
            "hidden": len(self.network.hidden_bias),
            "compact": self.network.config() if isinstance(self.network, CompactNetwork) else None,
            **self.vocabulary.config(),
            "evaluation": self.evaluation,
        }

    @classmethod
    def from_pretrained(cls, model: str | Path) -> Student:
        """The student in a directory, or on the Hugging Face Hub.

        The weights are mapped, not read: opening takes milliseconds whatever the size, and processes
        share the memory. A loaded student answers bit for bit as the saved one.

        Args:
            model: A directory that :meth:`save_pretrained` wrote, or a Hub id (needs the package
                huggingface_hub).

        Raises:
            InputError: There is no student, it is damaged, or it is of another version.
        """
        directory = Path(model) if Path(model).is_dir() else _from_hub(str(model))
        config = read_json(directory / "config.json")
        if config.get("format") != "sparsedistill" or config.get("format_version") != FORMAT_VERSION:
            raise InputError(
                f"{directory} holds no student of format version {FORMAT_VERSION}: "
                "name a directory that save_pretrained wrote."
            )
        arrays = map_tensors(directory / _MODEL_FILE)
        vocabulary = Vocabulary.from_arrays(config, arrays, directory)
        try:
            compact = config.get("compact")
            network = (
                Network.from_arrays(arrays)
                if compact is None
                else CompactNetwork.from_arrays(compact, arrays)
            )
            classes, multi_label, pair = config["classes"], config["multi_label"], config["pair"]
            if not all(isinstance(name, str) for name in classes) or {type(multi_label), type(pair)} != {
                bool
            }:
                raise TypeError("config.json has a value of the wrong type")
            return cls(vocabulary, network, tuple(classes), multi_label, pair, config.get("evaluation", {}))
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{directory} holds no whole student ({error}): copy or save it again."
            ) from error

    def push_to_hub(self, repo_id: str, *, private: bool = False) -> str:
        """Upload the student to the Hugging Face Hub and return its address.

        Args:
            repo_id: ``name`` or ``organisation/name``; made where it is missing.
            private: Make a new repository private.
        """
        from tempfile import TemporaryDirectory

        import huggingface_hub

        repo = huggingface_hub.create_repo(repo_id, private=private, exist_ok=True)
        with TemporaryDirectory() as folder:
            directory = Path(folder) / repo.repo_id.split("/")[-1]
            self.save_pretrained(directory)
            huggingface_hub.upload_folder(repo_id=repo.repo_id, folder_path=directory)
        return str(repo)


def _from_hub(model: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise InputError(
            f"{model} is no directory: name one, or install huggingface_hub to load from the Hub."
        ) from None
    try:
        return Path(snapshot_download(model))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise InputError(f"{model} is neither a directory nor a model on the Hub: check the name.") from error
