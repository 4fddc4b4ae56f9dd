"""The tuner: what it tries, what it chooses, and that it can be repeated and interrupted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparsedistill import Columns, DistillationConfig, TrainingConfig, distill, read_labelled
from sparsedistill.data.examples import Examples
from sparsedistill.data.labelled import Labelled
from sparsedistill.pipeline.job import Job
from sparsedistill.pipeline.prepare import prepare
from sparsedistill.pipeline.recipe import read_recipe, recipe_job
from sparsedistill.pipeline.tuning.space import ROUND_SHARES, ROUND_TRIALS, Space
from sparsedistill.pipeline.tuning.trial import Trial, text_scores
from sparsedistill.pipeline.tuning.tune import _choice
from sparsedistill.vocabulary import TokenizerConfig

#: Trials of some steps each.
QUICK = DistillationConfig(training=TrainingConfig(steps=64, batch_size=64), threads=1)


@pytest.fixture(scope="session")
def questions(shared_data: Path) -> Labelled:
    """600 questions of 6 types, of which the first words tell most."""
    found = read_labelled(shared_data / "trec" / "train.tsv.gz", Columns(label="label"))
    return found.select(np.random.default_rng(0).permutation(len(found))[:600])


def given(labelled: Labelled) -> tuple[list[str], list[str]]:
    return labelled.texts.to_pylist(), [labelled.classes[i] for i in labelled.labels]


def test_rounds_cost_at_most_three_trainings() -> None:
    space = Space(10_000, 77, "single_label", frozenset(), DistillationConfig())
    assert space.cost <= 3 * space.texts
    assert len(space.first()) == ROUND_TRIALS[0]
    words, characters = space.first()[0], space.first()[-1]
    assert len(space.varied(words)) < len(space.varied(characters)) == ROUND_TRIALS[1] / 2
    assert len(ROUND_TRIALS) == len(ROUND_SHARES)
    few, many = (Space(n, 2, "single_label", frozenset(), DistillationConfig()) for n in (100, 1_000_000))
    assert few.texts >= 50_000  # a floor in steps, not a number of passes
    assert many.texts == 5_000_000


def test_given_settings_are_not_tried() -> None:
    config = replace(QUICK, tokenizer=TokenizerConfig(max_ngram=3))
    space = Space(1_000, 2, "single_label", frozenset({"vocabulary.max_ngram", "student.dim"}), config)
    tried = [*space.first(), *space.varied(space.first()[0])]
    assert all("vocabulary.max_ngram" not in settings for settings in tried)
    assert space.widened(tried[0]) == tried[0]
    assert len(space.first()) == 2  # with and without character n-grams
    several = Space(1_000, 2, "multi_label", frozenset(), config).first()[0]
    assert several["training.class_weights"] == "balanced"  # labels are rare


@pytest.mark.slow
def test_a_job_without_settings_is_tuned_and_its_recipe_repeats_it(
    questions: Labelled, tmp_path: Path
) -> None:
    job = Job(labelled=given(questions), output=tmp_path / "a", config=QUICK)
    prepared = prepare(job)
    tuning = prepared.tuning
    assert tuning is not None
    assert tuning.complete
    assert tuning.folds == 5  # 60 held-out texts say little
    assert tuning.texts == 600
    assert 10 < len(tuning.trials) <= sum(ROUND_TRIALS)
    chosen = tuning.trials[tuning.chosen]
    assert chosen.difference <= chosen.error
    assert prepared.config.tokenizer.max_ngram == chosen.settings["vocabulary.max_ngram"]
    assert prepared.config.student.dropout == chosen.settings["student.dropout"]
    assert prepared.config.training.steps == 64  # it was given
    assert json.loads((tmp_path / "a" / "tuning.json").read_text())["tuning"]["chosen"] == tuning.chosen
    assert prepare(job).tuning == tuning  # read from the file
    again = prepare(replace(job, output=tmp_path / "b")).tuning
    assert again is not None
    assert [replace(trial, seconds=0) for trial in again.trials] == [
        replace(trial, seconds=0) for trial in tuning.trials
    ]


@pytest.mark.slow
def test_recipe_repeats_the_chosen_job(questions: Labelled, tmp_path: Path) -> None:
    texts, labels = given(questions.select(np.arange(300)))
    rows = "".join(f"{text}\t{label}\n" for text, label in zip(texts, labels, strict=True))
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + rows)
    first = distill(labelled=tmp_path / "train.tsv", output=tmp_path / "a", config=QUICK)
    recipe = read_recipe(tmp_path / "a" / "recipe.toml")
    assert recipe["tune"] is False
    job = replace(recipe_job(recipe), output=tmp_path / "b")
    assert job.config.training.steps == 64
    second = distill(
        labelled=tmp_path / "train.tsv", output=tmp_path / "b", config=replace(job.config, threads=1)
    )
    assert np.array_equal(first.score(texts[:50]).logits, second.score(texts[:50]).logits)
    assert not (tmp_path / "a" / "tuning").exists()


@pytest.mark.slow
def test_interrupted_tuning_resumes(
    questions: Labelled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[object] = []
    stop_after = 5

    def count(self: object, *args: object, **kwargs: object) -> object:
        if len(trained) == stop_after:
            raise KeyboardInterrupt
        trained.append(args)
        return original(self, *args, **kwargs)  # type: ignore[arg-type]

    from sparsedistill.pipeline.tuning.trial import Trials

    original = Trials._train
    monkeypatch.setattr(Trials, "_train", count)
    job = Job(labelled=given(questions.select(np.arange(300))), output=tmp_path / "a", config=QUICK)
    with pytest.raises(KeyboardInterrupt):
        prepare(job)
    stop_after = 1_000
    tuning = prepare(job).tuning
    assert tuning is not None
    assert len(trained) == len(tuning.trials)  # none was trained twice


def test_time_ends_the_search(questions: Labelled, tmp_path: Path) -> None:
    config = replace(QUICK, tune_minutes=1e-9)
    tuning = prepare(Job(labelled=given(questions), output=tmp_path / "a", config=config)).tuning
    assert tuning is not None
    assert not tuning.complete
    assert len(tuning.trials) == 1


def trial(score: float, lookups: float, dim: int = 64, texts: int = 1_000) -> Trial:
    scores = (np.arange(texts) < score * texts).astype(np.float32)
    return Trial({"student.dim": dim}, (scores,), lookups, 1, 1, 0.0)


def test_cheapest_within_one_standard_error_is_chosen() -> None:
    best, near, far = trial(0.9, 40), trial(0.9, 20), trial(0.8, 10)
    assert _choice([best, far]) == 0
    assert _choice([best, near, far]) == 1
    assert _choice([trial(0.9, 40, 128), trial(0.9, 41, 64)]) == 1  # as many look-ups, narrower
    assert best.behind(best) == (0, 0)
    difference, error = far.behind(best)
    assert difference == pytest.approx(0.1)
    assert error == pytest.approx(np.sqrt(0.1 * 0.9 / 1_000))


def test_scores_of_texts() -> None:
    logits = np.array([[2.0, 1.0], [-1.0, 1.0], [-1.0, -1.0]], np.float32)
    labels = Examples(["a", "b", "c"], labels=np.array([0, 0, 1]))
    assert text_scores(logits, labels, "single_label").tolist() == [1, 0, 0]
    teacher = Examples(["a", "b", "c"], logits=np.array([[3, 0], [0, 1], [0, 1]]))
    assert text_scores(logits, teacher, "single_label").tolist() == [1, 1, 0]
    several = Examples(["a", "b", "c"], labels=np.array([[1, 1], [1, 1], [0, 0]]))
    assert text_scores(logits, several, "multi_label") == pytest.approx([1, 2 / 3, 1])
