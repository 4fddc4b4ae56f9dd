"""The deployed student: load, predict, explain, save. Imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ._internal.files import atomic_directory, atomic_write
from ._internal.progress import Progress, no_progress
from ._internal.records import as_json, read_record
from ._internal.tensors import map_tensors, write_tensors
from ._internal.texts import Texts
from .compression.compress import compress
from .compression.difference import Floor
from .errors import InputError
from .explain.explain import explain
from .explain.result import Explanation
from .model.card import model_card
from .model.compact import CompactWeights
from .model.config import COMPACT_LAYOUT, FORMAT, FORMAT_VERSION, FormatRecord, ModelConfig
from .model.student_model import StudentModel
from .model.weights import StudentWeights
from .vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from .device import DeviceStudent, Precision

_CONFIG_FILE = "config.json"
_MODEL_FILE = "model.safetensors"
_CARD_FILE = "README.md"
_DAMAGED = "copy or save the student again"


@dataclass(repr=False)
class Student(StudentModel):
    """A trained student: predicts, explains, loads and saves, and has a compact and a GPU form.

    It is safe to use from several threads at once. For its arguments see
    :class:`~sparsedistill.model.StudentModel`.
    """

    #: The directory that the student was opened from.
    _opened: ClassVar[Path | None] = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the directory that it was opened from, else as its parts."""
        if self._opened is not None and (self._opened / _MODEL_FILE).is_file():
            return type(self).from_pretrained, (self._opened,)
        return super().__reduce__()

    # ---- other forms -----------------------------------------------------------------------------

    def compress(
        self,
        texts: Texts,
        text_pair: Texts | None = None,
        *,
        dims: int | None = None,
        floor: Floor | None = None,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> Student:
        """The compact form of this student: see :func:`~sparsedistill.compression.compress`."""
        return compress(self, texts, text_pair, dims=dims, floor=floor, threads=threads, progress=progress)

    def to(self, device: str, precision: Precision = "auto") -> DeviceStudent:
        """Copy this student to a torch device, for large batches of texts on a GPU.

        Its probabilities stay within 0.001 of this student's, numbers within 0.01 standard deviations: see
        :class:`~sparsedistill.device.DeviceStudent`.

        Args:
            device: A torch device, such as ``"cuda"``.
            precision: Data type of the table: ``"float16"``, ``"float32"``, or ``"auto"`` for float16 on
                CUDA if probabilities stay within 0.001.

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
                "Moving a student to a device needs torch: pip install 'sparsedistill[train]'."
            ) from error
        return DeviceStudent(self, device, precision)

    def explain(self, text: str, text_pair: str | None = None) -> Explanation:
        """Contribution of each n-gram to each class score: see :func:`~sparsedistill.explain.explain`."""
        return explain(self, text, text_pair)

    # ---- on disk ---------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the student to a new directory, in the layout of a Hugging Face Hub model.

        The directory holds ``config.json``, ``model.safetensors`` (vocabulary and weights),
        ``ngrams.parquet`` (the n-grams as strings) and ``README.md`` (the model card).

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        with atomic_directory(directory) as partial:
            write_tensors(partial / _MODEL_FILE, {**self.vocabulary.arrays(), **self.weights.arrays()})
            self._write_config(partial, Path(directory).name)
            self.vocabulary.save_ngrams(partial)

    def save_evaluation(self, directory: str | Path) -> None:
        """Write :attr:`evaluation` to a directory that :meth:`save_pretrained` wrote.

        Replaces ``config.json`` and ``README.md`` (the model card), each atomically. The weights are not
        touched.

        Raises:
            InputError: `directory` does not hold this student, or cannot be written.
        """
        folder = Path(directory)
        config = self.config()
        if replace(_read_config(folder), evaluation=config.evaluation) != config:
            raise InputError(
                f"{directory} holds another student: name the directory that this one was saved to."
            )
        self._write_config(folder, folder.absolute().name)

    def _write_config(self, folder: Path, name: str) -> None:
        """Write ``config.json`` and the model card."""
        config = self.config()
        for file, text in ((_CONFIG_FILE, as_json(config)), (_CARD_FILE, model_card(config, name))):
            with atomic_write(folder / file) as partial:
                partial.write_text(text, encoding="utf-8")

    def config(self) -> ModelConfig:
        """The contents of ``config.json``."""
        return ModelConfig(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            classes=list(self.classes),
            problem=self.problem,
            pair=self.pair,
            dim=self.weights.dim,
            hidden=len(self.weights.hidden_bias),
            compact=self.weights.layout() if isinstance(self.weights, CompactWeights) else None,
            tokenizer=self.vocabulary.tokenizer.record(),
            vocabulary=self.vocabulary.record(),
            evaluation=self.evaluation,
        )

    @classmethod
    def from_pretrained(cls, model: str | Path, *, revision: str | None = None) -> Student:
        """Load a student from a directory or from the Hugging Face Hub.

        The weights are memory-mapped, not read: loading takes milliseconds at any size, and processes share
        the memory. The loaded student gives the same scores as the saved one, bit for bit.

        Args:
            model: A directory that :meth:`save_pretrained` wrote, or a Hub id (needs the package
                huggingface_hub).
            revision: Branch, tag or commit of a model on the Hub; by default its main branch.

        Raises:
            InputError: The student was not found, is damaged, or has another format version.
        """
        directory = Path(model) if Path(model).is_dir() else _from_hub(str(model), revision)
        config = _read_config(directory)
        arrays = map_tensors(directory / _MODEL_FILE)
        vocabulary = Vocabulary.from_arrays(
            config.tokenizer, config.vocabulary, arrays, directory, compact=config.compact is not None
        )
        try:
            weights = (
                StudentWeights.from_arrays(arrays)
                if config.compact is None
                else CompactWeights.from_arrays(config.compact, arrays)
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"{directory} does not hold a usable student ({error}): {_DAMAGED}.") from error
        student = cls(
            vocabulary, weights, tuple(config.classes), config.problem, config.pair, config.evaluation
        )
        object.__setattr__(student, "_opened", directory.resolve())
        return student

    def push_to_hub(self, repo_id: str, *, private: bool = False) -> str:
        """Upload the student to the Hugging Face Hub and return its URL.

        Args:
            repo_id: ``name`` or ``organisation/name``; created if it does not exist.
            private: Create the repository as private.
        """
        from tempfile import TemporaryDirectory

        import huggingface_hub

        repo = huggingface_hub.create_repo(repo_id, private=private, exist_ok=True)
        with TemporaryDirectory() as folder:
            directory = Path(folder) / repo.repo_id.split("/")[-1]
            self.save_pretrained(directory)
            huggingface_hub.upload_folder(repo_id=repo.repo_id, folder_path=directory)
        return str(repo)


def _read_config(directory: Path) -> ModelConfig:
    """Read ``config.json``; its format and layout are checked before the rest is read.

    Raises:
        InputError: The file is missing or damaged, or its format or layout is of another version.
    """
    path = directory / _CONFIG_FILE
    found = read_record(path, FormatRecord, _DAMAGED)
    if found.format != FORMAT or found.format_version != FORMAT_VERSION:
        raise InputError(
            f"{directory} does not hold a student of format version {FORMAT_VERSION}: "
            "name a directory that save_pretrained wrote."
        )
    if found.compact is not None and found.compact.get("layout") != COMPACT_LAYOUT:
        raise InputError(
            f"{directory} was compressed by another version of sparsedistill: compress the student again."
        )
    return read_record(path, ModelConfig, _DAMAGED)


def _from_hub(model: str, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise InputError(
            f"{model} is not a directory: name one, or install huggingface_hub to load from the Hub."
        ) from None
    try:
        return Path(snapshot_download(model, revision=revision))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        named = model if revision is None else f"{model} at revision {revision!r}"
        raise InputError(f"{named} is neither a directory nor a model on the Hub: check the name.") from error
