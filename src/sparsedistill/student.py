"""The deployed student: load, predict, explain, save. Imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ._internal.files import atomic_directory, atomic_write
from ._internal.object_cache import downloaded
from ._internal.object_store import is_url
from ._internal.progress import Progress, no_progress
from ._internal.records import as_json, read_record
from ._internal.tensors import open_tensors, verify_tensors, write_tensors
from ._internal.texts import Texts
from .compression.compress import compress
from .compression.difference import Floor
from .errors import InputError
from .explain.explain import explain
from .explain.result import Explanation
from .model.card import model_card
from .model.compact import CompactWeights
from .model.config import COMPACT_LAYOUT, FORMAT, FORMAT_VERSION, FormatRecord, ModelConfig, MultiHeadConfig
from .model.ngram_network import NgramNetwork
from .model.stored import check_stored
from .model.student_model import StudentModel
from .model.weights import StudentWeights
from .vocabulary.strings import verify_strings
from .vocabulary.vocabulary import Vocabulary

if TYPE_CHECKING:
    from .device import DeviceStudent, Precision

CONFIG_FILE = "config.json"
MODEL_FILE = "model.safetensors"
_CARD_FILE = "README.md"
_DAMAGED = "copy or save the student again"


@dataclass(frozen=True)
class Origin:
    """Where a student was opened from.

    Attributes:
        directory: The directory.
        config: Its configuration, with the digests of its arrays.
        mapped: Whether the weights were to be mapped; None for those of large files.
    """

    directory: Path
    config: ModelConfig | MultiHeadConfig
    mapped: bool | None

    @property
    def digest(self) -> str:
        """Identifies the student among those that its directory may hold later."""
        return blake2b(as_json(self.config).encode(), digest_size=16).hexdigest()

    def reduced(self, kind: type) -> tuple[Any, ...] | None:
        """How a student of the class `kind` travels as its directory; None if that has been replaced."""
        try:
            if not (self.directory / MODEL_FILE).is_file() or read_config(self.directory) != self.config:
                return None
        except InputError:
            return None
        return reopen, (kind, self.directory, self.mapped, self.digest)


@dataclass(repr=False)
class Student(StudentModel):
    """A trained student: predicts, explains, loads and saves, and has a compact and a GPU form.

    It is safe to use from several threads at once. For its arguments see
    :class:`~sparsedistill.model.StudentModel`.
    """

    #: Where it was opened from.
    _origin: ClassVar[Origin | None] = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the directory that it was opened from, else as its parts."""
        origin = self._origin
        return (None if origin is None else origin.reduced(type(self))) or super().__reduce__()

    # ---- other forms -----------------------------------------------------------------------------

    def compress(
        self,
        texts: Texts,
        text_pair: Texts | None = None,
        *,
        dims: int | None = None,
        rows: int | None = None,
        size: int | None = None,
        floor: Floor | None = None,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> Student:
        """The compact form of this student: see :func:`~sparsedistill.compression.compress`."""
        return compress(
            self,
            texts,
            text_pair,
            dims=dims,
            rows=rows,
            size=size,
            floor=floor,
            threads=threads,
            progress=progress,
        )

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
            write_parts(partial, self.network, self.config(), Path(directory).name)

    def save_evaluation(self, directory: str | Path) -> None:
        """Write :attr:`evaluation` to a directory that :meth:`save_pretrained` wrote.

        Replaces ``config.json`` and ``README.md`` (the model card), each atomically. The weights are not
        touched.

        Raises:
            InputError: `directory` does not hold this student, or cannot be written.
        """
        folder = Path(directory)
        config = self.config()
        found = read_config(folder)
        stored = replace(config, digests=found.digests)
        if isinstance(found, MultiHeadConfig) or replace(found, evaluation=config.evaluation) != stored:
            raise InputError(
                f"{directory} holds another student: name the directory that this one was saved to."
            )
        write_config(folder, stored, folder.absolute().name)

    def config(self) -> ModelConfig:
        """The contents of ``config.json``, without the digests of what is stored."""
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
            digests={},
            evaluation=self.evaluation,
        )

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        revision: str | None = None,
        verify: bool = False,
        mmap: bool | None = None,
    ) -> Student:
        """Load a student from a directory or from the Hugging Face Hub.

        Weights of more than 2 MiB are memory-mapped, not read: loading takes milliseconds at any size, and
        processes share the memory. The loaded student gives the same scores as the saved one, bit for bit.

        Args:
            model: A directory that :meth:`save_pretrained` wrote, its URL in an object store (``s3://``), of
                which a copy is kept, or a Hub id (needs the package huggingface_hub).
            revision: Branch, tag or commit of a model on the Hub; by default its main branch.
            verify: Read the whole student and compare it with the digests in ``config.json``.
            mmap: Whether to map the weights. A mapped file must not be written to or truncated while it is
                used, only replaced by renaming another: if False, the weights are read into memory.

        Raises:
            InputError: The student was not found, is damaged, or has another format version.
        """
        directory = find_directory(model, revision)
        config = read_config(directory)
        if isinstance(config, MultiHeadConfig):
            names = ", ".join(head.name for head in config.heads)
            raise InputError(
                f"{directory} answers several questions ({names}): open it with MultiHeadStudent, whose "
                "head() is a student of one of them."
            )
        student = cls(
            *read_parts(directory, config, verify=verify, mapped=mmap),
            tuple(config.classes),
            config.problem,
            config.pair,
            config.evaluation,
        )
        object.__setattr__(student, "_origin", Origin(directory.resolve(), config, mmap))
        return student

    def push_to_hub(self, repo_id: str, *, private: bool = False) -> str:
        """Upload the student to the Hugging Face Hub and return its URL.

        Args:
            repo_id: ``name`` or ``organisation/name``; created if it does not exist.
            private: Create the repository as private.
        """
        return upload(self.save_pretrained, repo_id, private=private)


def reopen(kind: Any, directory: Path, mapped: bool | None, digest: str) -> Any:
    """Open a student that another process had opened: an object of the class `kind`.

    Raises:
        InputError: Its directory has been replaced since, or it cannot be opened.
    """
    student = kind.from_pretrained(directory, mmap=mapped)
    if student._origin.digest != digest:
        raise InputError(
            f"{directory} was replaced while a student of it was sent to another process: open it again."
        )
    return student


def find_directory(model: str | Path, revision: str | None) -> Path:
    """The directory of a student; one on the Hub or in an object store is downloaded first.

    Raises:
        InputError: The student was not found.
    """
    if not isinstance(model, str | PathLike) or not str(model):
        raise InputError(f"The student is named {model!r}: give a directory or a Hub id.")
    if isinstance(model, str) and is_url(model):
        return downloaded(model, (CONFIG_FILE,))
    try:
        if Path(model).is_dir():
            return Path(model)
    except OSError as error:  # a name that is too long
        raise InputError(
            f"{str(model)[:100]}... cannot be read ({error.strerror}): check the name."
        ) from error
    return _from_hub(str(model), revision)


def read_config(directory: Path) -> ModelConfig | MultiHeadConfig:
    """Read ``config.json``; its format and layout are checked before the rest is read.

    Raises:
        InputError: The file is missing or damaged, or its format or layout is of another version.
    """
    path = directory / CONFIG_FILE
    found = read_record(path, FormatRecord, _DAMAGED)
    if found.format != FORMAT or found.format_version != FORMAT_VERSION:
        raise InputError(
            f"{directory} does not hold a student of format version {FORMAT_VERSION}: "
            "name a directory that save_pretrained wrote."
        )
    if found.compact is not None and found.compact.layout != COMPACT_LAYOUT:
        raise InputError(
            f"{directory} was compressed by another version of sparsedistill: compress the student again."
        )
    if found.heads is not None:
        return read_record(path, MultiHeadConfig, _DAMAGED)
    return read_record(path, ModelConfig, _DAMAGED)


def read_parts(
    directory: Path, config: ModelConfig | MultiHeadConfig, *, verify: bool, mapped: bool | None
) -> tuple[Vocabulary, StudentWeights | CompactWeights]:
    """Open the vocabulary and the weights of a student.

    Args:
        directory: The directory of the student.
        config: Its configuration.
        verify: Compare everything with its digests.
        mapped: See :func:`~._internal.tensors.open_tensors`.

    Raises:
        InputError: A file is missing or damaged, or does not fit `config`.
    """
    file = directory / MODEL_FILE
    arrays = open_tensors(file, mapped=mapped)
    try:
        check_stored(config, arrays)
    except ValueError as error:
        raise InputError(f"{directory} does not hold a usable student ({error}): {_DAMAGED}.") from error
    if verify:
        verify_tensors(file, config.digests, _DAMAGED)
        verify_strings(directory, config.digests)
    vocabulary = Vocabulary.from_arrays(
        config.tokenizer,
        config.vocabulary,
        arrays,
        directory,
        config.digests,
        compact=config.compact is not None,
    )
    try:
        if config.compact is None:
            return vocabulary, StudentWeights.from_arrays(arrays)
        return vocabulary, CompactWeights.from_arrays(config.compact, arrays)
    except (KeyError, TypeError) as error:
        raise InputError(f"{directory} does not hold a usable student ({error}): {_DAMAGED}.") from error


def write_parts(
    folder: Path, network: NgramNetwork, config: ModelConfig | MultiHeadConfig, name: str
) -> None:
    """Write a student to an existing directory.

    Raises:
        InputError: The directory cannot be written.
    """
    arrays = {**network.vocabulary.arrays(), **network.weights.arrays()}
    digests = write_tensors(folder / MODEL_FILE, arrays) | network.vocabulary.save_ngrams(folder)
    write_config(folder, replace(config, digests=digests), name)


def write_config(folder: Path, config: ModelConfig | MultiHeadConfig, name: str) -> None:
    """Write ``config.json`` and the model card, each atomically.

    Raises:
        InputError: The directory cannot be written.
    """
    for file, text in ((CONFIG_FILE, as_json(config)), (_CARD_FILE, model_card(config, name))):
        with atomic_write(folder / file) as partial:
            partial.write_text(text, encoding="utf-8")


def upload(save: Callable[[Path], None], repo_id: str, *, private: bool) -> str:
    """Upload what `save` writes to a directory to the Hugging Face Hub, and return its URL."""
    from tempfile import TemporaryDirectory

    import huggingface_hub

    repo = huggingface_hub.create_repo(repo_id, private=private, exist_ok=True)
    with TemporaryDirectory() as folder:
        directory = Path(folder) / repo.repo_id.split("/")[-1]
        save(directory)
        huggingface_hub.upload_folder(repo_id=repo.repo_id, folder_path=directory)
    return str(repo)


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
