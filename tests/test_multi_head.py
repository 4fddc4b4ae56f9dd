"""Students of several questions: one pass over the text, and a head per question."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from support.sentences import error
from typer.testing import CliRunner

from sparsedistill import CountingConfig, MultiHeadStudent, Student, TokenizerConfig, Vocabulary
from sparsedistill.cli.app import app
from sparsedistill.compression import Floor
from sparsedistill.data.columns import Columns
from sparsedistill.data.corpus import Corpus
from sparsedistill.model.heads import Head
from sparsedistill.model.record import EvaluationRecord, Quality
from sparsedistill.model.weights import StudentWeights

LABELS = Head("sentiment", ("bad", "good"), "single_label")
TOPICS = Head("topics", ("plot", "actors", "music"), "multi_label")
NUMBER = Head("quality", ("score",), "regression")
HEADS = (LABELS, TOPICS, NUMBER)
DIM, HIDDEN = 12, 40


@pytest.fixture(scope="module")
def sentences(shared_data: Path) -> list[str]:
    corpus = Corpus([str(shared_data / "sst2" / "train_sentences.tsv.gz")], Columns())
    return [text for batch in corpus.batches() for text in batch.texts.to_pylist()][:2000]


def make(texts: list[str], heads: tuple[Head, ...] = HEADS, *, pair: bool = False) -> MultiHeadStudent:
    """A student with weights drawn at random: its table has few strong directions, as trained ones have."""
    vocabulary = Vocabulary.build(texts, TokenizerConfig(3), CountingConfig(min_count=2))
    random = np.random.default_rng(5)

    def draw(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32)

    width = 5 * DIM + 3 if pair else DIM
    outputs = sum(len(head.classes) for head in heads)
    table = draw(len(vocabulary), DIM) * np.where(np.arange(DIM) < 4, 3.0, 1e-4).astype(np.float32)
    hidden = draw(HIDDEN, width) / np.float32(np.sqrt(width))
    weights = StudentWeights(table, hidden, draw(HIDDEN), draw(outputs, HIDDEN), draw(outputs))
    weights.output_weight[-1] *= 20  # a number in an other unit than logits
    return MultiHeadStudent(vocabulary, weights, heads, pair)


@pytest.fixture(scope="module")
def student(sentences: list[str]) -> MultiHeadStudent:
    return make(sentences)


@pytest.fixture(scope="module")
def compact(student: MultiHeadStudent, sentences: list[str]) -> MultiHeadStudent:
    loose = Floor(0.97, 0.02)
    return student.compress(sentences, floors={"sentiment": loose, "topics": loose})


def alone(student: MultiHeadStudent, name: str, part: slice) -> Student:
    """The student of one question, made from the outputs of its head."""
    head = next(head for head in student.heads if head.name == name)
    weights = student.weights
    cut = replace(
        weights,
        output_weight=weights.output_weight[part].copy(),
        output_bias=weights.output_bias[part].copy(),
    )
    return Student(student.vocabulary, cut, head.classes, head.problem)


@pytest.mark.parametrize("form", ["student", "compact"])
def test_each_head_answers_like_a_student_of_its_own(
    form: str, sentences: list[str], request: pytest.FixtureRequest
) -> None:
    several: MultiHeadStudent = request.getfixturevalue(form)
    texts = [*sentences[:200], "", "unheard-of"]
    scores = several.score(texts)
    assert list(scores) == ["sentiment", "topics", "quality"]
    for name, part in (("sentiment", slice(0, 2)), ("topics", slice(2, 5)), ("quality", slice(5, 6))):
        own = alone(several, name, part)
        assert np.array_equal(scores[name].logits, own.score(texts).logits)
        assert np.array_equal(scores[name].coverage, own.score(texts).coverage)
        assert np.array_equal(several.predict(texts)[name], own.predict(texts))
        assert np.array_equal(several.head(name).predict(texts), own.predict(texts))
        assert [row[name] for row in several(texts, top_k=None)] == own(texts, top_k=None)
    probabilities = several.predict_proba(texts)
    assert list(probabilities) == ["sentiment", "topics"]
    np.testing.assert_allclose(probabilities["sentiment"].sum(axis=1), 1, atol=1e-5)


def test_a_call_gives_a_dict_per_text(student: MultiHeadStudent) -> None:
    (answer,) = student("a good film", coverage=True)
    assert list(answer) == ["sentiment", "topics", "quality"]
    assert set(answer["sentiment"]) == {"label", "score", "coverage"}
    assert answer["quality"]["label"] == "score"
    assert len(student(["one", "two"], top_k=2)[1]["topics"]) == 2
    assert "top_k is 0" in error(lambda: student("a", top_k=0))


def test_explanations_add_up_in_every_head(student: MultiHeadStudent, compact: MultiHeadStudent) -> None:
    for several in (student, compact):
        for name, explanation in several.explain("a good film with bad music").items():
            total = explanation.empty_logits + explanation.contributions.sum(axis=0)
            np.testing.assert_allclose(total, explanation.logits, rtol=1e-4, atol=1e-3)
            assert explanation.classes == several.head(name).classes


def test_pairs_have_heads_too(sentences: list[str]) -> None:
    several = make(sentences[:200], (LABELS, NUMBER), pair=True)
    first, second = sentences[:20], sentences[20:40]
    found = several.predict(first, second)
    assert np.array_equal(found["quality"], several.head("quality").predict(first, second))
    assert "pass the second texts" in error(lambda: several.predict(first))


def test_the_compact_form_keeps_the_floor_of_each_head(
    student: MultiHeadStudent, compact: MultiHeadStudent, sentences: list[str]
) -> None:
    steps = {name: record.compression for name, record in compact.evaluations.items()}
    assert all(record is not None and record.steps for record in steps.values())
    number = steps["quality"]
    assert number is not None
    assert number.steps[-1].max_change <= 0.05
    assert number.steps[-1].step.endswith("as served")
    before, after = student.predict(sentences)["quality"], compact.predict(sentences)["quality"]
    assert np.quantile(np.abs(before - after), 0.99) <= 0.05 * before.std()
    assert (student.predict(sentences)["sentiment"] == compact.predict(sentences)["sentiment"]).mean() > 0.97
    assert compact.nbytes < student.nbytes


def test_a_strict_floor_of_one_head_is_an_error(student: MultiHeadStudent, sentences: list[str]) -> None:
    strict = {"quality": Floor(1.0, 0.0, 0.0)}
    message = error(lambda: student.compress(sentences, dims=1, floors=strict))
    assert "quality agreement 100.0000%" in message
    assert "sentiment agreement" in message
    assert "no head 'colour'" in error(lambda: student.compress(sentences, floors={"colour": Floor()}))


@pytest.mark.parametrize("form", ["student", "compact"])
def test_saved_and_loaded_students_give_the_same_bits(
    form: str, sentences: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    several: MultiHeadStudent = request.getfixturevalue(form)
    several.save_pretrained(tmp_path / "s")
    loaded = MultiHeadStudent.from_pretrained(tmp_path / "s")
    assert loaded.heads == several.heads
    assert loaded.evaluations == {name: several.head(name).evaluation for name in loaded.evaluations}
    for copied in (loaded, pickle.loads(pickle.dumps(loaded)), pickle.loads(pickle.dumps(several))):
        for name, found in copied.score(sentences[:50]).items():
            assert found.logits.tobytes() == several.score(sentences[:50])[name].logits.tobytes()
    assert len(pickle.dumps(loaded)) < 500


def test_a_head_can_be_saved_by_itself(student: MultiHeadStudent, tmp_path: Path) -> None:
    student.head("topics").save_pretrained(tmp_path / "topics")
    loaded = Student.from_pretrained(tmp_path / "topics")
    assert np.array_equal(loaded.predict(["good music"]), student.predict(["good music"])["topics"])


def test_the_heads_of_one_student_are_joined(student: MultiHeadStudent, sentences: list[str]) -> None:
    turned = MultiHeadStudent.joined({name: student.head(name) for name in ("quality", "sentiment")})
    assert [head.name for head in turned.heads] == ["quality", "sentiment"]
    assert np.array_equal(turned.predict(sentences)["quality"], student.predict(sentences)["quality"])
    other = make(sentences[:300]).head("topics")
    assert "different tables" in error(
        lambda: MultiHeadStudent.joined({"a": student.head("topics"), "b": other})
    )
    assert "no students" in error(lambda: MultiHeadStudent.joined({}))


def test_evaluations_are_saved_and_shown_on_the_card(student: MultiHeadStudent, tmp_path: Path) -> None:
    student.save_pretrained(tmp_path / "s")
    record = EvaluationRecord(texts=7, student=Quality(accuracy=0.75))
    measured = replace(student, evaluations={"sentiment": record})
    measured.save_evaluations(tmp_path / "s")
    assert MultiHeadStudent.from_pretrained(tmp_path / "s").evaluations["sentiment"] == record
    card = (tmp_path / "s" / "README.md").read_text()
    assert "Answers 3 questions about texts in one pass" in card
    assert "## sentiment\n\n### Evaluation" in card
    assert "75.0" in card
    assert "MultiHeadStudent.from_pretrained" in card
    swapped = replace(student, heads=(TOPICS, LABELS, NUMBER))
    assert "holds another student" in error(lambda: swapped.save_evaluations(tmp_path / "s"))


def test_the_wrong_class_is_named(student: MultiHeadStudent, tmp_path: Path) -> None:
    student.save_pretrained(tmp_path / "several")
    student.head("topics").save_pretrained(tmp_path / "one")
    message = error(lambda: Student.from_pretrained(tmp_path / "several"))
    assert "several questions (sentiment, topics, quality)" in message
    assert "answers one question" in error(lambda: MultiHeadStudent.from_pretrained(tmp_path / "one"))


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ((), "The heads have 0 outputs and the weights 6"),
        ((LABELS, TOPICS), "The heads have 5 outputs and the weights 6"),
        ((LABELS, TOPICS, replace(NUMBER, name="sentiment")), "the column 'sentiment'"),
        ((LABELS, TOPICS, replace(NUMBER, name="sentiment_score")), "the column 'sentiment_score'"),
        ((LABELS, TOPICS, replace(NUMBER, name="sentiment_p_bad")), "the column 'sentiment_p_bad'"),
        ((LABELS, TOPICS, replace(NUMBER, name="../up")), "The name of a head is '../up'"),
        ((LABELS, TOPICS, replace(NUMBER, name="coverage")), "The name of a head is 'coverage'"),
        ((LABELS, TOPICS, replace(NUMBER, name="")), "The name of a head is ''"),
        ((LABELS, TOPICS, Head("quality", ("high",), "regression")), "quality is a regression"),
    ],
)
def test_heads_that_cannot_be_used(student: MultiHeadStudent, heads: Any, message: str) -> None:
    assert message in error(lambda: replace(student, heads=heads, evaluations={}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config["heads"].pop(), "config.json says (5, 40)"),
        (lambda config: config.update(heads=[]), "config.json says (0, 40)"),
        (lambda config: config.update(heads="no"), "config.json cannot be used"),
        (lambda config: config["heads"][0].update(problem="guess"), "config.json cannot be used"),
        (lambda config: config["heads"][0].update(name="../../x"), "The name of a head is"),
    ],
)
def test_a_damaged_config_is_an_error(
    student: MultiHeadStudent, tmp_path: Path, change: Callable[[Any], Any], message: str
) -> None:
    student.save_pretrained(tmp_path / "s")
    path = tmp_path / "s" / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    assert message in error(lambda: MultiHeadStudent.from_pretrained(tmp_path / "s"))


def test_there_is_no_such_head(student: MultiHeadStudent) -> None:
    assert "There is no head 'x': name one of sentiment, topics, quality" in error(lambda: student.head("x"))
    assert "no head 'x'" in error(lambda: replace(student, evaluations={"x": EvaluationRecord()}))


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(compact: MultiHeadStudent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("students") / "s"
    compact.save_pretrained(path)
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output if code == 0 else str(result.exception)


def test_predict_writes_columns_per_head(folder: Path, compact: MultiHeadStudent, tmp_path: Path) -> None:
    texts = ["a good film", "bad music"]
    (tmp_path / "in.txt").write_text("\n".join(texts))
    run(
        "predict",
        folder,
        tmp_path / "in.txt",
        "-o",
        tmp_path / "out.parquet",
        "--probabilities",
        "--coverage",
    )
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.column_names == [
        "sentiment",
        "sentiment_score",
        "topics",
        "quality",
        "coverage",
        "sentiment_p_bad",
        "sentiment_p_good",
        "topics_p_plot",
        "topics_p_actors",
        "topics_p_music",
        "text",
    ]
    expected = compact.predict(texts)
    assert table["sentiment"].to_pylist() == expected["sentiment"].tolist()
    assert table["quality"].to_numpy().tolist() == expected["quality"].tolist()
    chosen = [
        [name for name, has in zip(TOPICS.classes, row, strict=True) if has] for row in expected["topics"]
    ]
    assert table["topics"].to_pylist() == chosen


def test_predict_reads_one_head(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a good film")
    out = tmp_path / "out.parquet"
    run("predict", folder, tmp_path / "in.txt", "-o", out, "--head", "quality")
    assert pyarrow.parquet.read_table(out).column_names == ["score", "text"]


def test_commands_take_a_head(folder: Path, sentences: list[str]) -> None:
    assert "for good" in run("explain", folder, sentences[0], "--head", "sentiment", "--label", "good")
    shown = run("inspect", folder, "--text", "a good film")
    assert "Head quality" in shown
    assert "Strongest n-grams of topics" in shown


def test_commands_without_a_head_say_so(folder: Path, student: MultiHeadStudent, tmp_path: Path) -> None:
    message = run("explain", folder, "a film", code=1)
    assert "several questions (sentiment, topics, quality): name one with --head" in message
    student.head("topics").save_pretrained(tmp_path / "one")
    assert "leave out --head" in run("explain", tmp_path / "one", "a film", "--head", "topics", code=1)


def test_compress_writes_all_heads(student: MultiHeadStudent, sentences: list[str], tmp_path: Path) -> None:
    student.save_pretrained(tmp_path / "s")
    (tmp_path / "in.txt").write_text("\n".join(sentences))
    limits = ("--agreement", "0.9", "--change", "0.05", "--largest", "2")
    run("compress", tmp_path / "s", tmp_path / "in.txt", "-o", tmp_path / "c", *limits)
    loaded = MultiHeadStudent.from_pretrained(tmp_path / "c")
    assert loaded.heads == student.heads
    assert loaded.evaluations["topics"].compression is not None


def test_evaluate_measures_each_head(folder: Path, compact: MultiHeadStudent, tmp_path: Path) -> None:
    texts = ["a good film", "bad music", "a dull plot", "good actors", "the end"]
    labels = compact.predict(texts)
    with (tmp_path / "test.jsonl").open("w") as file:
        for i, text in enumerate(texts):
            kind = None if i == 4 else str(labels["sentiment"][i])
            number = float(labels["quality"][i])
            file.write(json.dumps({"text": text, "sentiment": kind, "n": number}) + "\n")
    paths = (folder, tmp_path / "test.jsonl")
    command = ("evaluate", *paths, "--label", "quality=n,sentiment=sentiment")
    shown = run(*command)
    assert "quality: 5 texts" in shown
    assert "sentiment: 4 texts" in shown
    figures = json.loads(run(*command, "--json"))
    assert figures["sentiment"]["student"]["accuracy"] == 1
    assert figures["quality"]["student"]["rmse"] < 1e-3
    assert "give HEAD=COLUMN" in run("evaluate", *paths, "--label", "n", code=1)
    assert "no head 'x'" in run("evaluate", *paths, "--label", "x=n", code=1)
    assert "add --head" in run("evaluate", *paths, "--teacher", "t", code=1)
