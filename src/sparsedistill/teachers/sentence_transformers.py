"""Models of sentence-transformers and SetFit in memory as teachers."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, first_line
from ..problem import SCORE
from .base import Fingerprint, ScoreFormat, TeacherLike
from .scores import as_logits, check_format, checked
from .sklearn import hash_state
from .transformers import class_names


class CrossEncoderTeacher:
    """A CrossEncoder of sentence-transformers, which scores pairs.

    Its directory, or Hub id, is a teacher too, of pairs and single texts: it is a classifier of transformers.

    Args:
        model: The model.
        multi_label: A text may have several of its classes.
        name: Name for messages and manifests; by default that of its class.

    Attributes:
        classes: Names of the classes, from ``id2label``; ``("score",)`` if it has one output, which is what
            its ``predict`` returns.
        multi_label: Whether a text may have several classes.
        name: `name`.

    Raises:
        InputError: It has one output although `multi_label` is given, or classes of the same name.
    """

    def __init__(self, model: Any, multi_label: bool = False, name: str | None = None) -> None:
        self.name = name or type(model).__name__
        self.classes = class_names(self.name, model.config)
        if multi_label and self.classes == SCORE:
            raise InputError(f"{self.name} has one output, a number: leave out multi-label.")
        several = multi_label or model.config.problem_type == "multi_label_classification"
        self.multi_label = several and self.classes != SCORE
        self._model = model

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, or numbers, float32 (n, classes), of n pairs of texts.

        Raises:
            InputError: There are single texts, or the model returns numbers that are not finite.
        """
        import torch

        if text_pair is None:
            raise InputError(f"{self.name} scores pairs: save it, and give its directory for single texts.")
        if not len(texts):
            return np.empty((0, len(self.classes)), np.float32)
        given = list(zip(texts, text_pair, strict=True))
        activation = None if self.classes == SCORE else torch.nn.Identity()
        scores = self._model.predict(given, activation_fn=activation, show_progress_bar=False)
        return checked(scores, len(texts), self)

    def fingerprint(self) -> Fingerprint:
        """Return a hash of the weights and of the settings of the model."""
        settings = [str(self._model.activation_fn), self._model.max_seq_length, self.multi_label]
        return {"kind": "cross-encoder", "name": self.name, "state": _hashed(self._model, settings)}


class SetFitTeacher:
    """A SetFit model, or another one with ``encode``, a fitted ``model_head`` and ``predict_proba``.

    Args:
        model: The model. It is passed in memory: the head in a directory of SetFit is a pickle, which is not
            loaded.
        multi_label: A text may have several of its classes, whatever its ``multi_target_strategy`` says.
        name: Name for messages and manifests; by default that of its class.

    Attributes:
        classes: Names of the classes: ``labels`` of the model, or else the classes of its head.
        multi_label: Whether a text may have several classes.
        name: `name`.

    Raises:
        InputError: The head is not fitted, or has fewer than two classes.
    """

    def __init__(self, model: Any, multi_label: bool = False, name: str | None = None) -> None:
        self.name = name or type(model).__name__
        self.multi_label = multi_label or getattr(model, "multi_target_strategy", None) is not None
        self._model = model
        self.classes = _setfit_classes(model, self._probabilities(["a text"]).shape[1])
        check_format(self.classes, "probabilities")

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, float32 (n, classes), of n texts.

        Raises:
            InputError: There are pairs, or the model gives invalid probabilities.
        """
        if text_pair is not None:
            raise InputError(f"{self.name} scores single texts: use a CrossEncoder as the teacher of pairs.")
        if not len(texts):
            return np.empty((0, len(self.classes)), np.float32)
        return as_logits(checked(self._probabilities(texts), len(texts), self), "probabilities", self)

    def fingerprint(self) -> Fingerprint:
        """Return a hash of the weights of encoder and head, and of their settings."""
        model = self._model
        body = getattr(model, "model_body", model)
        settings = [getattr(model, "normalize_embeddings", None), getattr(body, "max_seq_length", None)]
        head = model.model_head
        state = _hashed(body, [*settings, self.multi_label, None if _is_module(head) else head])
        if _is_module(head):
            state += _hashed(head, [])
        return {"kind": "setfit", "name": self.name, "state": state}

    def _probabilities(self, texts: Sequence[str]) -> NDArray[Any]:
        """Probabilities (n, classes); some heads of several labels give those of no and yes."""
        try:
            found = self._model.predict_proba(list(texts), as_numpy=True, show_progress_bar=False)
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self.name} does not score texts ({first_line(error)}): fit it to labelled texts first."
            ) from error
        array = np.asarray(found)
        return array[:, :, 1] if array.ndim == 3 and array.shape[2] == 2 else array


def from_sentence_transformers(
    given: TeacherLike, scores: ScoreFormat
) -> CrossEncoderTeacher | SetFitTeacher | None:
    """Return the teacher of a CrossEncoder or a SetFit model; None if `given` is something else.

    Raises:
        InputError: It cannot score texts; or `given` is a directory of SetFit, or an encoder without a head.
    """
    if isinstance(given, str | Path):
        if (Path(given) / "config_setfit.json").is_file():
            raise InputError(
                f"{given} is a model of SetFit, whose head is a pickle that could run code: load it with "
                "SetFitModel.from_pretrained, if you trust it, and pass the object in Python."
            )
        return None
    package = sys.modules.get("sentence_transformers")  # not loaded: then `given` is not one of its models
    if package is not None and isinstance(given, package.CrossEncoder):
        return CrossEncoderTeacher(given, scores.multi_label)
    if package is not None and isinstance(given, package.SentenceTransformer):
        raise InputError(
            "A SentenceTransformer gives embeddings and no scores: give its directory as the encoder, or fit "
            "a SetFitModel."
        )
    if all(hasattr(given, part) for part in ("encode", "model_head", "predict_proba")):
        return SetFitTeacher(given, scores.multi_label)
    return None


def _setfit_classes(model: Any, count: int) -> tuple[str, ...]:
    """Names of the classes, in the order of `count` probabilities."""
    labels = getattr(model, "labels", None)
    fitted = getattr(model.model_head, "classes_", None)
    if fitted is not None and len(fitted) == count and all(np.ndim(each) == 0 for each in fitted):
        values = np.asarray(fitted).tolist()
        numbered = all(isinstance(each, int) for each in values)
        names = values if labels is None or not numbered else [labels[each] for each in values]
    else:
        names = list(range(count)) if labels is None else list(labels)
    if len(names) != count:
        raise InputError(f"The model has {len(names)} labels and {count} outputs: set its labels.")
    return tuple(map(str, names))


def _is_module(part: Any) -> bool:
    return hasattr(part, "state_dict")


def _hashed(module: Any, settings: Sequence[Any]) -> str:
    """Hash of the weights of a module of torch, and of settings."""
    import torch

    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in module.state_dict().items():
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(array.flatten().view(torch.uint8).numpy().tobytes())
    hash_state(list(settings), digest, set())
    return digest.hexdigest()
