"""Estimators of scikit-learn that train a student: for pipelines, cross-validation and searches."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._internal.texts import Texts, as_strings
from ..data.inputs import UnlabelledLike
from ..data.labelled import Labelled
from ..errors import InputError
from ..pipeline.distill import distill
from ..pipeline.recipe import recipe_config
from ..problem import SCORE
from ..student import Student
from ..teachers.base import Teacher, TeacherLike
from ..teachers.registry import as_teacher

try:
    from scipy.special import log_expit, log_softmax
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_array, check_is_fitted
except ModuleNotFoundError as error:
    raise ImportError("The estimators need scikit-learn: pip install 'sparsedistill[train]'.") from error

if TYPE_CHECKING:
    import scipy.sparse

#: Parameters that are settings of a job, by the section of a recipe.
_SETTINGS = {
    "vocabulary": ("max_ngram", "max_characters", "boundaries", "min_count", "max_rows"),
    "student": ("dim", "dropout"),
    "training": ("passes", "least_steps", "batch_size", "ngram_dropout", "table_learning_rate"),
}


class _TextEstimator(BaseEstimator):  # type: ignore[misc]
    """What classifier and regressor share: a job in a temporary directory trains the student."""

    def __init__(
        self,
        *,
        teacher: TeacherLike | None = None,
        unlabelled: UnlabelledLike | None = None,
        max_ngram: int = 2,
        max_characters: int = 5,
        boundaries: bool = False,
        min_count: int = 1,
        max_rows: int = 1_000_000,
        dim: int = 64,
        dropout: float = 0.3,
        passes: float = 5.0,
        least_steps: int = 500,
        batch_size: int = 64,
        ngram_dropout: float = 0.3,
        table_learning_rate: float = 0.3,
        validation_fraction: float = 0.1,
        tune: bool = False,
        random_state: int | np.random.RandomState | None = 0,
        threads: int | None = None,
    ) -> None:
        self.teacher = teacher
        self.unlabelled = unlabelled
        self.max_ngram = max_ngram
        self.max_characters = max_characters
        self.boundaries = boundaries
        self.min_count = min_count
        self.max_rows = max_rows
        self.dim = dim
        self.dropout = dropout
        self.passes = passes
        self.least_steps = least_steps
        self.batch_size = batch_size
        self.ngram_dropout = ngram_dropout
        self.table_learning_rate = table_learning_rate
        self.validation_fraction = validation_fraction
        self.tune = tune
        self.random_state = random_state
        self.threads = threads

    def save(self, directory: str | Path) -> None:
        """Write the fitted student to a new directory, as :meth:`sparsedistill.Student.save_pretrained` does.

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        check_is_fitted(self)
        self.student_.save_pretrained(directory)

    def _train(self, labelled: Labelled, teacher: Teacher | None) -> None:
        """Make `student_`."""
        with TemporaryDirectory(prefix="sparsedistill-") as folder:
            distill(
                teacher,
                labelled,
                self.unlabelled,
                Path(folder) / "job",
                config=recipe_config(self._recipe(distils=teacher is not None), type(self).__name__),
            )
            # The file is deleted, so its contents must be in memory.
            self.student_ = Student.from_pretrained(Path(folder) / "job" / "student", mmap=False)

    def _recipe(self, *, distils: bool) -> dict[str, Any]:
        """The settings as a recipe. If they are tuned, only those that are not the defaults."""
        defaults = signature(type(self)).parameters
        recipe: dict[str, Any] = {
            section: {
                name: getattr(self, name)
                for name in names
                if not self.tune or getattr(self, name) != defaults[name].default
            }
            for section, names in _SETTINGS.items()
        }
        recipe["finetuning"] = {"batch_size": self.batch_size}
        if (weights := self._class_weights()) is not None:
            recipe["finetuning" if distils else "training"]["class_weights"] = weights
        return recipe | {
            "validation_share": self.validation_fraction,
            "tune": self.tune,
            "threads": self.threads,
            "seed": int(check_random_state(self.random_state).randint(2**31)),
            "compact": False,
        }

    def _class_weights(self) -> list[float] | str | None:
        """The weights of the classes, in the order of the student's classes."""
        return None

    def _labelled(
        self,
        X: Texts,  # noqa: N803 - the name in scikit-learn
        labels: NDArray[Any],
        classes: tuple[str, ...],
        sample_weight: ArrayLike | None,
    ) -> Labelled:
        """The texts with labels and weights. A text of weight 0 is left out, as if it were not there."""
        labelled = Labelled(_texts(X), labels, classes)
        check_consistent_length(labelled.texts, labels)
        if len(labelled) < 2:
            raise InputError(f"X has {len(labelled)} samples: give more texts.")
        if sample_weight is None:
            return labelled
        weights = column_or_1d(sample_weight, input_name="sample_weight").astype(np.float32)
        check_consistent_length(labels, weights)
        if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise InputError("sample_weight has negative or infinite numbers, or zeros alone: correct it.")
        return Labelled(labelled.texts, labels, classes, weights=weights).select(np.flatnonzero(weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


class SparseDistillClassifier(ClassifierMixin, _TextEstimator):  # type: ignore[misc]
    """A classifier of texts: a student, trained on labels or distilled from a teacher.

    It takes texts as they are, and needs no vectorizer. ``y`` has one label per text (strings, whole numbers
    or bools), or is an indicator matrix (texts, classes) of texts with several labels.

    The defaults are for a few thousand to 10,000 labelled texts, and for searches. For a large corpus, to
    resume or to evaluate use :func:`sparsedistill.distill`.

    Args:
        teacher: What the student learns from in addition to the labels: a directory or Hub id of a
            classifier, a function from texts to scores in the order of ``classes_``, a
            :class:`~sparsedistill.Teacher`, or a fitted estimator of scikit-learn in a
            :class:`sklearn.frozen.FrozenEstimator`. It has the classes of ``y``. None trains on labels alone.
        unlabelled: Unlabelled texts for the teacher to score: files, a corpus, or texts. Name files in
            searches: texts are copied with each clone.
        max_ngram: Longest n-gram, in tokens.
        max_characters: Longest character n-gram; 0 for none.
        boundaries: Whether beginning and end of a text are tokens.
        min_count: Smallest frequency of an n-gram.
        max_rows: Largest number of n-grams.
        dim: Dimensions of an n-gram's embedding, a multiple of 4.
        dropout: Dropout before each layer of the head.
        passes: Passes over the texts in training.
        least_steps: Smallest number of training steps.
        batch_size: Texts per training step.
        ngram_dropout: Share of each text's n-grams that is dropped at random in training.
        table_learning_rate: Peak learning rate of the table.
        class_weight: Weights of classes by label; ``"balanced"`` gives rare classes a larger one, with the
            square root of the ratio that scikit-learn uses. Only for training on labels.
        validation_fraction: Share of the labelled texts that chooses the number of steps and calibrates the
            probabilities. Without a teacher, the student is then trained again on all of them.
        tune: Choose n-grams, dimensions, dropout and the length of the training on this share, as
            ``distill`` does, for three times the training. Parameters that are not the defaults are kept.
        random_state: Seed; equal seeds and numbers of threads give equal students.
        threads: Threads of training and prediction; None for all cores. Set it to 1 in searches with
            ``n_jobs``.

    Attributes:
        student_: The student, a :class:`~sparsedistill.Student`, which has coverage, explanations and a
            compact form.
        classes_: The labels (classes,), sorted; for an indicator matrix the numbers of its columns.
    """

    def __init__(
        self,
        *,
        teacher: TeacherLike | None = None,
        unlabelled: UnlabelledLike | None = None,
        max_ngram: int = 2,
        max_characters: int = 5,
        boundaries: bool = False,
        min_count: int = 1,
        max_rows: int = 1_000_000,
        dim: int = 64,
        dropout: float = 0.3,
        passes: float = 5.0,
        least_steps: int = 500,
        batch_size: int = 64,
        ngram_dropout: float = 0.3,
        table_learning_rate: float = 0.3,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        validation_fraction: float = 0.1,
        tune: bool = False,
        random_state: int | np.random.RandomState | None = 0,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            teacher=teacher,
            unlabelled=unlabelled,
            max_ngram=max_ngram,
            max_characters=max_characters,
            boundaries=boundaries,
            min_count=min_count,
            max_rows=max_rows,
            dim=dim,
            dropout=dropout,
            passes=passes,
            least_steps=least_steps,
            batch_size=batch_size,
            ngram_dropout=ngram_dropout,
            table_learning_rate=table_learning_rate,
            validation_fraction=validation_fraction,
            tune=tune,
            random_state=random_state,
            threads=threads,
        )
        self.class_weight = class_weight

    def fit(
        self,
        X: Texts,  # noqa: N803
        y: ArrayLike | scipy.sparse.sparray,
        sample_weight: ArrayLike | None = None,
    ) -> SparseDistillClassifier:
        """Train the student.

        Args:
            X: n texts.
            y: Their labels (n,), or 0 and 1 (n, classes).
            sample_weight: Weights of the texts in the loss of their labels (n,). A text of weight 0 is not
                used at all, neither for the vocabulary.

        Returns:
            The estimator.

        Raises:
            InputError: `X` are not texts, `y` has fewer than two classes or others than the teacher, or a
                parameter is out of range.
        """
        labels, self.classes_ = _classes(y)
        names = tuple(map(str, self.classes_.tolist()))
        teacher = None
        if self.teacher is not None:
            teacher = as_teacher(self.teacher, names, labels.ndim == 2)
            if sorted(teacher.classes) != sorted(names) or teacher.multi_label != (labels.ndim == 2):
                raise InputError(
                    f"The teacher has the classes {', '.join(teacher.classes)} and the labels are "
                    f"{', '.join(names)}: use the same ones."
                )
            positions = np.array([names.index(name) for name in teacher.classes])
            labels = labels[:, positions] if labels.ndim == 2 else positions.argsort()[labels]
            names = tuple(teacher.classes)
        self._names = names
        self._train(self._labelled(X, labels, names, sample_weight), teacher)
        return self

    def predict(self, X: Texts) -> NDArray[Any]:  # noqa: N803
        """Labels of n texts (n,); for a classifier of several labels 0 and 1, int64 (n, classes)."""
        logits = self._logits(X)
        if self.student_.multi_label:
            return (logits >= 0).astype(np.int64)
        return self.classes_[logits.argmax(axis=1)]  # type: ignore[no-any-return]

    def predict_proba(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """Probabilities of n texts, float32 (n, classes); columns as in ``classes_``."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """Logarithms of the probabilities of n texts, float32 (n, classes)."""
        logits = self._logits(X)
        found = log_expit(logits) if self.student_.multi_label else log_softmax(logits, axis=1)
        return np.asarray(found, np.float32)

    def _logits(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """Logits of n texts, float32 (n, classes), in the order of ``classes_``."""
        check_is_fitted(self)
        order = [self._names.index(str(label)) for label in self.classes_.tolist()]
        return self.student_.score(_texts(X), threads=self.threads).logits[:, order]

    def _class_weights(self) -> list[float] | str | None:
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        labels = dict(zip(map(str, self.classes_.tolist()), self.classes_.tolist(), strict=True))
        for label in self.class_weight:
            if label not in labels.values():
                raise InputError(f"class_weight has the label {label!r}, which y has not: leave it out.")
        return [float(self.class_weight.get(labels[name], 1.0)) for name in self._names]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


class SparseDistillRegressor(RegressorMixin, _TextEstimator):  # type: ignore[misc]
    """A regressor of texts: a student that predicts numbers, such as a rating.

    The parameters are those of :class:`SparseDistillClassifier` without ``class_weight``. A teacher has one
    output: a function from texts to numbers, a transformer with one label, or a frozen regressor.

    Attributes:
        student_: The student, a :class:`~sparsedistill.Student`.
    """

    def fit(
        self,
        X: Texts,  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> SparseDistillRegressor:
        """Train the student.

        Args:
            X: n texts.
            y: Their numbers (n,).
            sample_weight: Weights of the texts. See :meth:`SparseDistillClassifier.fit`.

        Returns:
            The estimator.

        Raises:
            InputError: `X` are not texts, all numbers are the same, or a parameter is out of range.
        """
        numbers = column_or_1d(check_array(y, ensure_2d=False, dtype=np.float32, input_name="y"), warn=True)
        teacher = None if self.teacher is None else as_teacher(self.teacher, SCORE)
        if teacher is not None and tuple(teacher.classes) != SCORE:
            raise InputError(
                f"The teacher has the classes {', '.join(teacher.classes)}: give one that predicts numbers."
            )
        self._train(self._labelled(X, numbers, SCORE, sample_weight), teacher)
        return self

    def predict(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """Numbers of n texts, float32 (n,)."""
        check_is_fitted(self)
        return self.student_.predict(_texts(X), threads=self.threads)


def _texts(X: Any) -> Any:  # noqa: N803
    """Texts as an Arrow array; also those of a matrix or a data frame with one column."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        X = np.asarray(X)[:, 0]  # noqa: N806
    return as_strings(X, "X")


def _classes(y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Labels as a student is trained on them, and ``classes_``.

    Returns:
        Indices of the classes, int64 (n,), or 0 and 1, float32 (n, classes); and the classes.
    """
    if y is None:
        raise InputError("y is None, but fit requires y: give a label for each text.")
    try:
        check_classification_targets(y)
        if type_of_target(y) == "multilabel-indicator":
            matrix = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
            return matrix.astype(np.float32), np.arange(matrix.shape[1])
        classes, indices = np.unique(column_or_1d(y, warn=True), return_inverse=True)
    except TypeError as error:  # they cannot be sorted
        raise InputError("The labels are of different types: give strings, or whole numbers.") from error
    if len(classes) < 2:
        found = f"only one class, {classes.tolist()[0]!r}" if len(classes) else "no labels"
        raise InputError(f"y has {found}: give texts of at least two classes.")
    return indices, classes
