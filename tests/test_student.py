"""Students in use: answers, threads, shapes, files."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.comparison import compared

from sparsedistill import CountingConfig, InputError, Student, TokenizerConfig, Vocabulary, _core
from sparsedistill._internal.tensors import open_tensors, write_tensors
from sparsedistill.model.record import EvaluationRecord, Quality
from sparsedistill.model.weights import StudentWeights

CORPUS = ["the film is good", "the film is bad", "it 's a good film , not a bad one !", "日本の映画"] * 2
TEXTS = ["The film is good!", "", "unheard-of", "bad bad bad", "the film", "日本 映画", "it's a bad one"]
LONG = " ".join(f"{a} {b}" for a in ("good", "bad", "film", "the") for b in ("zzz", "film", "is")) + " "
#: Pairs at the edges: an empty side, identical sides, sides that the core reads in several pieces.
EDGES = [
    ("", ""),
    ("the film", ""),
    ("", "zzz film"),
    ("the film is good", "the film is good"),
    ("the film is good", "The film is bad!"),
    (LONG * 200, "it 's a bad one"),
    ("it 's a bad one", LONG * 200),
    (LONG * 200 + "a good film", LONG * 200 + "not a bad one !"),
]


def network(
    rows: int, dim: int = 24, hidden: int = 10, classes: int = 3, pair: bool = False
) -> StudentWeights:
    random = np.random.default_rng(3)

    def draw(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32)

    features = 5 * dim + 3 if pair else dim
    return StudentWeights(
        draw(rows, dim), draw(hidden, features), draw(hidden), draw(classes, hidden), draw(classes)
    )


def make(**given_: object) -> Student:
    vocabulary = Vocabulary.build(CORPUS, TokenizerConfig(3), CountingConfig(min_count=1))
    pair = bool(given_.get("pair"))
    classes = ("neg", "neutral", "pos")
    return Student(vocabulary, network(len(vocabulary), pair=pair), classes, **given_)  # type: ignore[arg-type]


def plain(student: Student, texts: list[str], text_pair: list[str] | None = None) -> NDArray[np.float64]:
    """Logits by the definition, in float64."""
    weights = {name: array.astype(float) for name, array in student.weights.arrays().items()}

    def rows(side: list[str]) -> list[list[int]]:
        found = student.vocabulary.extract(side)
        return [found.rows[a:b].tolist() for a, b in pairwise(found.offsets)]

    table = weights["table"]
    if text_pair is None:
        features = np.array([table[one].mean(0) if one else 0 * table[0] for one in rows(texts)])
    else:
        both = zip(rows(texts), rows(text_pair), strict=True)
        features = np.array([compared(table, one, other) for one, other in both])
    hidden = np.tanh(features @ weights["hidden.weight"].T + weights["hidden.bias"])
    logits: NDArray[np.float64] = hidden @ weights["output.weight"].T + weights["output.bias"]
    return logits


@pytest.mark.parametrize(("dim", "hidden"), [(1, 1), (7, 5), (16, 4), (33, 18), (256, 64)])
@pytest.mark.parametrize("pair", [False, True])
def test_every_instruction_set_computes_the_same_bits(dim: int, hidden: int, pair: bool) -> None:
    vocabulary = Vocabulary.build(CORPUS, TokenizerConfig(3), CountingConfig(min_count=1))
    weights = network(len(vocabulary), dim, hidden, pair=pair)
    texts = TEXTS * 5
    seconds = texts[::-1] if pair else None
    found = [
        _core.Classifier(
            vocabulary.core,
            weights.table,
            pair,
            weights.hidden_weight,
            weights.hidden_bias,
            weights.output_weight,
            weights.output_bias,
            instructions,
        )(texts, seconds, threads)[0]
        for instructions in _core.available_instruction_sets()
        for threads in (1, 3)
    ]
    assert all((logits == found[0]).all() for logits in found)
    student = Student(vocabulary, weights, ("a", "b", "c"), pair=pair)
    np.testing.assert_allclose(found[0], plain(student, texts, seconds), atol=1e-4)


@pytest.mark.parametrize("pair", [False, True])
def test_logits_are_those_of_the_definition(pair: bool) -> None:
    student = make(pair=pair)
    seconds = TEXTS[::-1] if pair else None
    np.testing.assert_allclose(
        student.score(TEXTS, seconds).logits, plain(student, TEXTS, seconds), atol=1e-5
    )


def test_pairs_at_the_edges_are_compared_by_the_definition() -> None:
    student = make(pair=True)
    first, second = (list(side) for side in zip(*EDGES, strict=True))
    expected = plain(student, first, second)
    np.testing.assert_allclose(student.score(first, second).logits, expected, atol=2e-5)
    for one, other, logits in zip(first, second, expected, strict=True):
        np.testing.assert_allclose(student.score([one], [other]).logits[0], logits, atol=2e-5)


def test_a_pair_is_told_from_another_by_what_its_texts_share() -> None:
    """Of n-grams whose rows are all alike, only how many both texts have tells pairs apart."""
    student = make(pair=True)
    weights = student.weights
    assert isinstance(weights, StudentWeights)
    alike = replace(student, weights=replace(weights, table=np.ones_like(weights.table)))
    near, far, itself = alike.score(["the film"] * 3, ["the film is", "good", "the film"]).logits
    assert not np.allclose(near, far, atol=1e-3)
    assert not np.allclose(near, itself, atol=1e-3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.characters() | st.sampled_from("\ud800\x00 film")), max_size=40), st.integers(1, 4)
)
def test_a_text_is_answered_alike_in_any_company(texts: list[str], threads: int) -> None:
    student = make()
    together = student.predict_proba(texts, threads=threads)
    alone = [student.predict_proba([text])[0] for text in texts]
    assert together.shape == (len(texts), 3)
    assert all((row == other).all() for row, other in zip(together, alone, strict=True))
    assert np.isfinite(together).all()
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("space", ["\n", "\t", "\r\n", "  ", "\u00a0", "\u2003", "\u3000", "\x00", "\u200b"])
def test_white_space_never_changes_an_answer(space: str) -> None:
    student = make()
    texts = [text.replace(" ", space) + space for text in CORPUS]
    assert (student.predict_proba(texts) == student.predict_proba(CORPUS)).all()


def test_texts_without_ngrams_get_a_defined_answer() -> None:
    student = make()
    predictions = student.score(["", "   ", "\x00", "zzz", "\ud800"])
    assert (predictions.logits == predictions.logits[0]).all()
    assert (predictions.coverage == 0).all()


def test_coverage_is_the_share_of_known_tokens() -> None:
    student = make()
    assert student.score(["the film zzz zzz", "good", "zzz"]).coverage.tolist() == [0.5, 1.0, 0.0]
    pairs = make(pair=True)
    assert pairs.score(["the film"], ["zzz zzz"]).coverage.tolist() == [0.5]


def test_a_text_of_ten_megabytes_is_answered_as_precisely_as_a_short_one() -> None:
    student = make()
    text = "The film is good! "
    longest = text * (10_000_000 // len(text))
    short, long_ = student.score([text * 50]).logits, student.score([longest]).logits
    np.testing.assert_allclose(short, long_, atol=0.02)
    np.testing.assert_allclose(long_, plain(student, [longest]), atol=1e-4)
    assert student.score(["x" * 10_000_000, "\x00" * 10_000_000, "é" * 5_000_000]).coverage.tolist() == [
        0,
        0,
        0,
    ]


def test_answers_have_the_shapes_of_scikit_learn_and_transformers() -> None:
    student = make()
    assert student.classes_.tolist() == ["neg", "neutral", "pos"]
    assert set(student.predict(TEXTS)) <= set(student.classes_)
    assert (student.predict(TEXTS) == student.classes_[student.predict_proba(TEXTS).argmax(axis=1)]).all()
    assert student.predict([]).shape == (0,)
    assert student.predict_proba([]).shape == (0, 3)

    assert student([]) == []
    (one,) = student("the film")
    assert one.keys() == {"label", "score"}
    assert student(["the film", "bad"])[0] == one
    (ranked,) = student("the film", top_k=None)
    assert ranked[0]["label"] == one["label"]
    assert sorted(entry["label"] for entry in ranked) == ["neg", "neutral", "pos"]
    assert [entry["score"] for entry in ranked] == sorted((entry["score"] for entry in ranked), reverse=True)
    assert student("the film zzz", coverage=True)[0]["coverage"] == pytest.approx(2 / 3)
    assert len(student(["the film"], top_k=2)[0]) == 2


def test_pairs_come_as_two_columns_or_as_dicts() -> None:
    student = make(pair=True)
    (answer,) = student({"text": "the film", "text_pair": "bad"})
    assert answer["score"] == pytest.approx(float(student.predict_proba(["the film"], ["bad"]).max()))
    with pytest.raises(InputError, match="text_pair"):
        student.predict(["a"])
    with pytest.raises(InputError, match="give one per text"):
        student.predict(["a"], ["b", "c"])
    with pytest.raises(InputError, match="give a dict with both"):
        student([{"text": "a"}])
    with pytest.raises(InputError, match="leave out"):
        make().predict(["a"], ["b"])


def test_multi_label_students_use_the_sigmoid() -> None:
    student = make(problem="multi_label")
    logits = student.score(TEXTS).logits
    np.testing.assert_allclose(student.predict_proba(TEXTS), 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert (student.predict(TEXTS) == (logits >= 0)).all()


def test_a_reloaded_student_answers_bit_for_bit_the_same(tmp_path: Path) -> None:
    student = make(evaluation=EvaluationRecord(student=Quality(0.5, 0.5, 0.7, 0.1), texts=3))
    student.save_pretrained(tmp_path / "s")
    loaded = Student.from_pretrained(tmp_path / "s")
    assert (loaded.score(TEXTS).logits == student.score(TEXTS).logits).all()
    assert loaded.classes == student.classes
    assert loaded.evaluation == student.evaluation
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "ngrams.parquet",
    ]
    card = (tmp_path / "s" / "README.md").read_text()
    assert "neg, neutral, pos" in card
    assert "| student | 50.0 | 50.0 | 0.700 | 10.0 |" in card
    with pytest.raises(InputError, match="exists"):
        student.save_pretrained(tmp_path / "s")


def test_threads_share_one_student(shared_data: Path) -> None:
    student = make()
    with gzip.open(shared_data / "imdb" / "test.tsv.gz", "rt", encoding="utf-8") as file:
        texts = [next(file) for _ in range(200)]
    expected = student.predict_proba(texts)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: student.predict_proba(texts, threads=2), range(32)))
    assert all((answer == expected).all() for answer in answers)


def test_inference_imports_neither_torch_nor_transformers(tmp_path: Path) -> None:
    make().save_pretrained(tmp_path / "s")
    code = (
        "import sys, sparsedistill, sparsedistill.cli.app;"
        f"sparsedistill.Student.from_pretrained({str(tmp_path / 's')!r})(['a film']);"
        "sys.exit(bool({'torch', 'transformers', 'fbgemm_gpu', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("table", lambda a: a[:-1]),
        ("table", lambda a: a[:, :-1]),
        ("table", lambda a: a.astype(np.float16)),
        ("table", lambda a: a.reshape(-1)),
        ("hidden.weight", lambda a: a[:, :-1]),
        ("hidden.bias", lambda a: a[:-1]),
        ("output.weight", lambda a: a[:-1]),
        ("output.bias", lambda a: a[:-1]),
        ("vocabulary.buckets", lambda a: a[:, :-1]),
        ("vocabulary.buckets", lambda a: a[:0]),
        ("vocabulary.buckets", lambda a: a.view(np.int64)),
        ("output.bias", None),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, name: str, change: object) -> None:
    make().save_pretrained(tmp_path / "s")
    path = tmp_path / "s" / "model.safetensors"
    arrays = {key: array.copy() for key, array in open_tensors(path).items()}
    arrays[name] = np.zeros(0, np.float32) if change is None else np.ascontiguousarray(change(arrays[name]))  # type: ignore[operator]
    if change is None:
        del arrays[name]
    write_tensors(path, arrays)
    with pytest.raises(InputError):
        Student.from_pretrained(tmp_path / "s")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "other"),
        ("format_version", 99),
        ("classes", ["a"]),
        ("classes", [1, 2, 3]),
        ("classes", 3),
        ("problem", "yes"),
        ("pair", True),
        ("vocabulary", {"rows": 10**12, "closed": True, "error_bound": 0}),
        ("vocabulary", {"rows": -1, "closed": True, "error_bound": 0}),
        ("vocabulary", None),
        ("tokenizer", {}),
    ],
)
def test_hostile_configs_are_refused(tmp_path: Path, key: str, value: object) -> None:
    make().save_pretrained(tmp_path / "s")
    path = tmp_path / "s" / "config.json"
    config = json.loads(path.read_text())
    config[key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(InputError):
        Student.from_pretrained(tmp_path / "s")


def test_what_is_no_student_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Student.from_pretrained(tmp_path)


def test_arrow_columns_are_texts(tmp_path: Path) -> None:
    student = make()
    assert (student.predict(pa.chunked_array([TEXTS])) == student.predict(TEXTS)).all()


def test_pushing_uploads_a_whole_student(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    uploaded: dict[str, list[str]] = {}

    def upload(*, repo_id: str, folder_path: Path) -> None:
        uploaded[repo_id] = sorted(path.name for path in folder_path.iterdir())

    made = huggingface_hub.RepoUrl("https://huggingface.co/me/student")
    monkeypatch.setattr(huggingface_hub, "create_repo", lambda *args, **kwargs: made)
    monkeypatch.setattr(huggingface_hub, "upload_folder", upload)
    assert make().push_to_hub("student") == "https://huggingface.co/me/student"
    assert uploaded == {"me/student": ["README.md", "config.json", "model.safetensors", "ngrams.parquet"]}
