"""Opening what classifies texts: a student of one or several questions, or a cascade."""

from __future__ import annotations

import hashlib
import json
from typing import TypeAlias

from ._internal.digests import array_digest
from ._internal.object_cache import downloaded
from ._internal.object_store import is_url
from .cascade import CASCADE_FILE, Cascade, is_cascade
from .errors import InputError
from .multi_head import MultiHeadStudent, is_multi_head
from .student import CONFIG_FILE, Student

#: What :func:`load_model` opens.
Classifier: TypeAlias = Student | MultiHeadStudent | Cascade


def load_model(model: str, head: str | None = None) -> Classifier:
    """Open the student or the cascade in a directory, or the student on the Hub.

    Args:
        model: A directory, its URL in an object store, or a Hub id.
        head: Of a student of several questions, only this one.

    Raises:
        InputError: The model was not found or is damaged, or has no such head.
    """
    if is_url(model):
        model = str(downloaded(model, (CONFIG_FILE, CASCADE_FILE)))
    if is_cascade(model) or not is_multi_head(model):
        if head is not None:
            raise InputError(f"{model} answers one question: leave out --head.")
        return Cascade.from_pretrained(model) if is_cascade(model) else Student.from_pretrained(model)
    loaded = MultiHeadStudent.from_pretrained(model)
    return loaded if head is None else loaded.head(head)


def fingerprint_of(classifier: Classifier) -> str:
    """What tells a classifier from others: two with the same fingerprint give the same answers.

    Of a student that was opened from a directory, the digests in its ``config.json`` are taken; the arrays of
    others are read.
    """
    if isinstance(classifier, Cascade):
        teacher = classifier.teacher_name or type(classifier.teacher).__name__
        parts = [fingerprint_of(classifier.student), teacher, classifier.threshold, classifier.decision]
    else:
        origin = classifier._origin
        if origin is not None:
            digests = origin.config.digests
        else:
            arrays = {**classifier.vocabulary.arrays(), **classifier.weights.arrays()}
            digests = {name: array_digest(array) for name, array in arrays.items()}
        heads = [[head.name, *head.classes, head.problem] for head in classifier.heads]
        parts = [
            sorted(digests.items()),
            heads,
            str(classifier.vocabulary.tokenizer),
            classifier.pair,
        ]
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
