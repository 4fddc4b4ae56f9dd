"""Estimators of scikit-learn: labels, weights, searches, teachers, and scikit-learn's own checks."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from sparsedistill import InputError, Student
from sparsedistill.integrations.sklearn import SparseDistillClassifier, SparseDistillRegressor

#: Settings with which a fit takes a fraction of a second.
QUICK: dict[str, Any] = {
    "max_ngram": 1,
    "max_characters": 0,
    "dim": 8,
    "passes": 1,
    "least_steps": 60,
    "batch_size": 32,
    "threads": 1,
}
GOOD = np.arange(120) % 2 == 1
TEXTS = [f"a {'good' if good else 'bad'} film number {i}" for i, good in enumerate(GOOD)]
#: Texts that differ in words that are too rare for the vocabulary.
SAME = [f"the same words and {i}" for i in range(120)]


def quick(**settings: Any) -> SparseDistillClassifier:
    return SparseDistillClassifier(**QUICK | settings)


def uninformed(**settings: Any) -> SparseDistillClassifier:
    """A classifier of :data:`SAME`, which learns the odds of the classes."""
    return quick(min_count=100, least_steps=200, dropout=0, ngram_dropout=0, **settings)


def read(path: Path, rows: int) -> tuple[list[str], list[str]]:
    """Texts and labels of the first rows."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        names = next(lines).rstrip("\n").split("\t")
        cells = [line.rstrip("\n").split("\t") for _, line in zip(range(rows), lines, strict=False)]
    return tuple([row[names.index(name)] for row in cells] for name in ("text", "label"))  # type: ignore[return-value]


# ---- real text -----------------------------------------------------------------------------------


def test_questions_are_classified(shared_data: Path, tmp_path: Path) -> None:
    texts, labels = read(shared_data / "trec" / "train.tsv.gz", 2000)
    model = SparseDistillClassifier(max_characters=0, dim=32, passes=4, least_steps=1, threads=1)
    assert model.fit(texts, labels) is model
    held_out, truth = read(shared_data / "trec" / "test.tsv.gz", 500)
    assert model.classes_.tolist() == sorted(set(labels))
    assert model.score(held_out, truth) > 0.6  # the most frequent class has 0.28
    probabilities = model.predict_proba(held_out)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(held_out)), probabilities, rtol=1e-5)
    np.testing.assert_allclose(probabilities, model.student_.predict_proba(held_out), rtol=1e-4, atol=1e-7)
    assert (model.classes_[probabilities.argmax(axis=1)] == model.predict(held_out)).all()

    model.save(tmp_path / "student")
    saved = Student.from_pretrained(tmp_path / "student")
    assert (saved.predict(held_out) == model.predict(held_out)).all()
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [joblib.load(tmp_path / "model.joblib"), pickle.loads(pickle.dumps(model))]
    for copy in copies:
        np.testing.assert_array_equal(copy.predict_proba(held_out), probabilities)


@pytest.mark.slow
def test_reading_ease_is_predicted(shared_data: Path) -> None:
    texts, labels = read(shared_data / "clear" / "train.tsv.gz", 800)
    numbers = np.array(labels, float)
    model = SparseDistillRegressor(**QUICK).set_params(dim=16, passes=5)
    model.fit(texts[:600], numbers[:600])
    found = model.predict(texts[600:])
    assert found.dtype == np.float32
    assert np.corrcoef(found, numbers[600:])[0, 1] > 0.3
    assert model.score(texts[600:], numbers[600:]) < 1


@pytest.mark.slow
def test_search_over_a_pipeline(shared_data: Path) -> None:
    texts, labels = read(shared_data / "trec" / "train.tsv.gz", 400)
    lower = FunctionTransformer(lambda batch: [text.lower() for text in batch])
    pipeline = make_pipeline(lower, quick(least_steps=1))
    name = "sparsedistillclassifier"
    search = GridSearchCV(pipeline, {f"{name}__dim": [4, 8], f"{name}__max_ngram": [1]}, cv=2)
    search.fit(texts, labels, **{f"{name}__sample_weight": np.ones(len(texts))})
    assert search.best_params_.keys() == {f"{name}__dim", f"{name}__max_ngram"}
    dim = search.best_params_[f"{name}__dim"]
    columns = len(set(labels))  # of the linear part, if it helps
    assert search.best_estimator_[-1].student_.weights.dim in (dim, dim + columns)
    assert len(search.predict(texts[:5])) == 5
    assert cross_val_score(quick(), np.array(TEXTS), GOOD, cv=2).min() > 0.9


# ---- labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.where(GOOD, "good", "bad"), np.array(["bad", "good"])),
        pytest.param(
            np.where(GOOD, "good", "bad").tolist(), np.array(["bad", "good"]), marks=pytest.mark.slow
        ),
        (pd.Series(np.where(GOOD, "good", "bad"), dtype=object), np.array(["bad", "good"], object)),
        (np.where(GOOD, 7, -3), np.array([-3, 7])),
        pytest.param(np.where(GOOD, 2.0, 10.0), np.array([2.0, 10.0]), marks=pytest.mark.slow),
        (GOOD, np.array([False, True])),
    ],
)
def test_labels_keep_their_type(labels: Any, classes: NDArray[Any]) -> None:
    model = quick(least_steps=30).fit(TEXTS, labels)
    assert model.classes_.dtype == classes.dtype
    assert model.classes_.tolist() == classes.tolist()
    assert (model.predict(TEXTS) == np.asarray(labels)).all()
    assert model.student_.classes == tuple(map(str, classes.tolist()))


@pytest.mark.parametrize("sparse", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_several_labels(sparse: bool) -> None:
    labels = np.stack([GOOD, ~GOOD, np.arange(120) % 3 == 0], axis=1).astype(int)
    texts = [text + (" third" if labels[i, 2] else "") for i, text in enumerate(TEXTS)]
    model = quick(passes=10).fit(texts, scipy.sparse.csr_array(labels) if sparse else labels)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(texts).dtype == np.int64
    assert model.score(texts, labels) > 0.9
    np.testing.assert_allclose(model.predict_proba(texts), model.student_.predict_proba(texts), rtol=1e-5)


def test_containers_of_texts() -> None:
    frame = pd.DataFrame({"text": TEXTS})
    model = quick().fit(frame, GOOD)
    expected = model.student_.predict_proba(TEXTS)
    for texts in (TEXTS, tuple(TEXTS), np.array(TEXTS), frame["text"], frame):
        np.testing.assert_allclose(model.predict_proba(texts), expected, rtol=1e-5)


@pytest.mark.slow
def test_class_weights_move_the_decision() -> None:
    labels = np.where(np.arange(120) % 4 == 0, "rare", "usual")
    shares = [
        uninformed(class_weight=weights).fit(SAME, labels).predict_proba(SAME[:1])[0, 0]
        for weights in (None, "balanced", {"rare": 9})
    ]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(1 / 4, abs=0.1)
    assert shares[2] > 0.5  # calibrated on the labels as they are


# ---- weights of texts ----------------------------------------------------------------------------


def test_weights_decide_between_contradicting_labels() -> None:
    """Texts without information: the odds of the classes are those of the weights."""
    weights = np.where(GOOD, 9.0, 1.0)
    model = uninformed().fit(SAME, GOOD, sample_weight=weights)
    assert model.predict_proba(SAME[:1])[0, 1] == pytest.approx(0.9, abs=0.1)


@pytest.mark.slow
def test_a_weight_of_two_counts_as_the_row_twice() -> None:
    """Both give the odds 2 to 1; equal losses are tested with the training."""
    weighted = uninformed().fit(SAME, GOOD, sample_weight=1.0 + GOOD)
    twice = np.repeat(np.arange(120), 1 + GOOD)
    repeated = uninformed().fit([SAME[i] for i in twice], GOOD[twice])
    shares = [model.predict_proba(SAME[:1])[0, 1] for model in (weighted, repeated)]
    assert shares == pytest.approx([2 / 3, 2 / 3], abs=0.06)


def test_a_weight_of_zero_is_the_absence_of_the_text() -> None:
    noise = [f"wrong {text}" for text in TEXTS]
    weights = np.repeat([1.0, 0.0], 120)
    labels = np.concatenate([GOOD, ~GOOD])
    weighted = quick().fit(TEXTS + noise, labels, sample_weight=weights)
    alone = quick().fit(TEXTS, GOOD)
    np.testing.assert_array_equal(weighted.predict_proba(noise), alone.predict_proba(noise))
    assert "wrong" not in list(weighted.student_.vocabulary.ngrams or [])


# ---- teachers ------------------------------------------------------------------------------------


def opinion(texts: list[str]) -> NDArray[Any]:
    """Knows more words than the labelled texts have; the classes are bad and good."""
    good = np.array(["good" in text or "fine" in text for text in texts])
    return np.stack([~good, good], axis=1) * 8.0


def test_a_teacher_labels_what_no_label_covers(tmp_path: Path) -> None:
    unlabelled = [f"a {word} film for the day {i}" for i in range(200) for word in ("fine", "dull")]
    (tmp_path / "unlabelled.txt").write_text("\n".join(unlabelled))
    names = np.where(GOOD, "good", "bad")
    model = clone(quick(teacher=opinion, unlabelled=tmp_path / "unlabelled.txt", passes=4))
    assert model.fit(TEXTS, names).predict(["a fine film", "a dull film"]).tolist() == ["good", "bad"]


@pytest.mark.slow
def test_an_estimator_is_a_teacher_if_it_is_frozen() -> None:
    names = np.where(GOOD, "good", "bad")
    teacher = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, names)
    model = clone(quick(teacher=FrozenEstimator(teacher), passes=10)).fit(TEXTS, names)
    assert (model.predict(TEXTS) == names).all()


class Reversed:
    """A teacher whose classes are not sorted."""

    classes, multi_label, name = ("good", "bad"), False, "reversed"

    def score(self, texts: Any, text_pair: Any = None) -> NDArray[np.float32]:
        return opinion(list(texts))[:, ::-1].astype(np.float32)

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": "reversed"}


@pytest.mark.slow
def test_the_order_of_the_teachers_classes_does_not_matter() -> None:
    names = np.where(GOOD, "good", "bad")
    model = quick(teacher=Reversed(), class_weight={"good": 1.5}, passes=10).fit(TEXTS, names)
    assert model.student_.classes == ("good", "bad")
    assert model.classes_.tolist() == ["bad", "good"]
    assert (model.predict(TEXTS) == names).all()
    assert (model.classes_[model.predict_proba(TEXTS).argmax(axis=1)] == names).all()


@pytest.mark.slow
def test_a_teacher_of_numbers() -> None:
    def length(texts: list[str]) -> list[float]:
        return [3.0 if "good" in text else 1.0 for text in texts]

    model = SparseDistillRegressor(**QUICK | {"teacher": length, "passes": 20, "dim": 16})
    model.fit(TEXTS, 1 + 2.0 * GOOD, sample_weight=np.ones(120))
    assert model.score(TEXTS, 1 + 2.0 * GOOD) > 0.8


def test_the_tuner_keeps_settings_that_are_not_the_defaults() -> None:
    recipe = quick(tune=True)._recipe(distils=False)
    assert recipe["tune"]
    assert recipe["student"] == {"dim": 8}  # dropout is the default, and is left to the tuner
    assert "max_ngram" in recipe["vocabulary"]


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "texts", "labels", "weights", "message"),
    [
        ({}, TEXTS, np.zeros(120, int), None, "y has only one class, 0: give texts"),
        ({}, TEXTS, None, None, "y is None, but fit requires y"),
        ({}, TEXTS[1:], GOOD, None, "inconsistent numbers of samples"),
        ({}, [*TEXTS[1:], None], GOOD, None, "Text 119 of X has type NoneType"),
        ({}, [], [], None, "y has no labels"),
        ({}, TEXTS, np.linspace(0, 1, 120), None, "Unknown label type: continuous"),
        ({}, TEXTS, np.array(["a", 1] * 60, object), None, "The labels are of different types|Unknown label"),
        ({}, TEXTS, GOOD, np.zeros(120), "sample_weight has negative or infinite numbers"),
        ({}, TEXTS, GOOD, -np.ones(120), "sample_weight has negative or infinite numbers"),
        ({}, TEXTS, GOOD, np.ones(3), "inconsistent numbers of samples"),
        ({"class_weight": {"x": 2}}, TEXTS, GOOD, None, "class_weight has the label 'x', which y has not"),
        ({"teacher": Reversed()}, TEXTS, GOOD, None, "The teacher has the classes good, bad and the labels"),
        ({"dim": -1}, TEXTS, GOOD, None, "dim"),
        ({"max_ngram": "two"}, TEXTS, GOOD, None, "SparseDistillClassifier .* max_ngram is 'two'"),
    ],
)
def test_wrong_input(settings: Any, texts: Any, labels: Any, weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(**settings).fit(texts, labels, weights)


def test_an_estimator_must_be_fitted_and_a_regressor_takes_no_classes() -> None:
    for model in (quick(), SparseDistillRegressor()):
        with pytest.raises(NotFittedError):
            model.predict(TEXTS)
        with pytest.raises(NotFittedError):
            model.save("nowhere")
    with pytest.raises(InputError, match="The teacher has the classes good, bad: give one that predicts"):
        SparseDistillRegressor(**QUICK | {"teacher": Reversed()}).fit(TEXTS, GOOD)
    with pytest.raises(ValueError, match="NaN"):
        SparseDistillRegressor(**QUICK).fit(TEXTS, np.full(120, np.nan))


# ---- scikit-learn's checks -----------------------------------------------------------------------

WITHOUT_DATA = (
    checks.check_estimator_cloneable,
    checks.check_estimator_tags_renamed,
    checks.check_valid_tag_types,
    checks.check_estimator_repr,
    checks.check_no_attributes_set_in_init,
    checks.check_parameters_default_constructible,
    checks.check_get_params_invariance,
    checks.check_set_params,
    checks.check_do_not_raise_errors_in_init_or_set_params,
    checks.check_mixin_order,
    checks.check_estimators_unfitted,
)


@pytest.mark.parametrize("kind", [SparseDistillClassifier, SparseDistillRegressor])
@pytest.mark.parametrize("check", WITHOUT_DATA, ids=lambda check: check.__name__)
def test_checks_without_data(kind: Any, check: Any) -> None:
    check(kind.__name__, kind())


#: Checks that do not apply, with the reason. The others also run on texts that are made of their numbers.
INEXACT = "the order of the texts in training differs: equal odds are tested above"
DO_NOT_APPLY = {
    "check_sample_weight_equivalence_on_dense_data": INEXACT,
}


def words(X: NDArray[Any]) -> list[str]:  # noqa: N803
    """Rows of numbers as texts: words for the whole part and for the hundredths of each number."""
    return [" ".join(f"c{j}v{x:.0f} c{j}h{100 * x:.0f}" for j, x in enumerate(row)) for row in X]


class ClassifierOfNumbers(SparseDistillClassifier):
    """Takes the data that the checks make."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SparseDistillClassifier:  # noqa: N803
        X, y = validate_data(self, X, y)  # noqa: N806
        return super().fit(words(X), y, sample_weight)

    def _logits(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        check_is_fitted(self)
        return super()._logits(words(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        tags.classifier_tags.poor_score = True  # numbers are no words
        tags.classifier_tags.multi_label = tags.target_tags.multi_output = False
        return tags


class RegressorOfNumbers(SparseDistillRegressor):
    """Takes the data that the checks make."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SparseDistillRegressor:  # noqa: N803
        X, y = validate_data(self, X, y, y_numeric=True)  # noqa: N806
        return super().fit(words(X), y, sample_weight)

    def predict(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        check_is_fitted(self)
        return super().predict(words(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        tags.regressor_tags.poor_score = True
        return tags


SETTINGS_OF_CHECKS = QUICK | {"least_steps": 2, "dim": 4}


@pytest.mark.slow
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [ClassifierOfNumbers(**SETTINGS_OF_CHECKS), RegressorOfNumbers(**SETTINGS_OF_CHECKS)],
    expected_failed_checks=lambda estimator: DO_NOT_APPLY,
)
def test_checks_with_data(estimator: Any, check: Any) -> None:
    check(estimator)
