"""Recipes: TOML in, a job out, and a message for every setting that is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.sentences import error

from sparsedistill import (
    Columns,
    CountingConfig,
    DistillationConfig,
    FileOptions,
    InputError,
    StudentConfig,
)
from sparsedistill.data.hub import HubDataset
from sparsedistill.data.sources import DataSource
from sparsedistill.pipeline.recipe import (
    Recipe,
    override,
    read_recipe,
    recipe_config,
    recipe_job,
    report_settings,
)
from sparsedistill.training.config import FINE_TUNING

FILMS = """
output = "out"
seed = 3

[data]
text = "review"
label = "stars"
classes = ["good", "bad"]
labelled = "train.csv"
unlabelled = ["a.txt", "b.txt"]

[data.test]
path = ["x.tsv", "y.tsv"]
dataset = { id = "some/films", split = "test" }
where = { kind = ["film"] }

[teacher]
encoder = "some/encoder"
soft_targets = ["labels"]
steps = 3

[vocabulary]
max_ngram = 2
max_rows = 1000

[student]
dim = 16

[training]
steps = 7

[finetuning]
steps = 1

[report]
title = "Films"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "r.toml").write_text(text)
    return folder / "r.toml"


def test_files_are_read_as_the_data_says(tmp_path: Path) -> None:
    recipe = {"data": {"labelled": "a.csv", "text": "t", "delimiter": ";", "skip_damaged": True}}
    columns = recipe_job(recipe, "r.toml").columns
    assert columns == Columns("t", files=FileOptions(delimiter=";", skip_damaged=True))
    recipe["data"]["encoding"] = "utf-99"
    assert "The encoding 'utf-99' is not known" in error(lambda: recipe_job(recipe, "r.toml"))
    recipe["data"]["encoding"] = 8
    assert "[data]: encoding is 8: give a value of type" in error(lambda: recipe_job(recipe, "r.toml"))


def test_a_recipe_describes_a_job(tmp_path: Path) -> None:
    job = recipe_job(read_recipe(write(tmp_path, FILMS)))
    assert (job.teacher, job.encoder, job.output) == (None, "some/encoder", Path("out"))
    assert job.columns == Columns("review", None, "stars")
    assert job.classes == ("good", "bad")
    assert job.remembered == (Path("labels"),)
    assert job.labelled == "train.csv"
    assert job.unlabelled == [Path("a.txt"), Path("b.txt")]
    assert job.validation is None
    dataset = HubDataset("some/films", "test")
    assert job.test == [DataSource(("x.tsv", "y.tsv"), dataset, where={"kind": ("film",)})]
    config = job.config
    assert (config.seed, config.teacher.steps, config.training.steps) == (3, 3, 7)
    assert (config.tokenizer.max_ngram, config.counting.max_rows, config.student.dim) == (2, 1000, 16)
    assert config.finetuning.steps == 1
    assert config.finetuning.learning_rate == FINE_TUNING.learning_rate


def test_an_empty_recipe_has_the_default_settings() -> None:
    assert recipe_config({}) == DistillationConfig()
    job = recipe_job({"data": {"labelled": "a.csv"}})
    assert (job.config, job.output) == (DistillationConfig(), Path("distilled"))
    assert job.columns == Columns()


def test_settings_without_data_make_a_config() -> None:
    config = recipe_config({"student": {"dim": 8}, "vocabulary": {"max_rows": 5}, "threads": 2})
    expected = DistillationConfig(
        student=StudentConfig(dim=8), counting=CountingConfig(max_rows=5), threads=2
    )
    assert set(config.given) == {"student.dim", "vocabulary.max_rows"}
    config = replace(config, given=())
    assert config == expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("seed=3", {"seed": 3}),
        ("student.dim = 64", {"student": {"dim": 64}}),
        ("data.classes=['a', 'b']", {"data": {"classes": ["a", "b"]}}),
        ("training.learning_rate=1e-3", {"training": {"learning_rate": 0.001}}),
        ("teacher.model=some/teacher", {"teacher": {"model": "some/teacher"}}),
        ("output=a=b", {"output": "a=b"}),
        pytest.param("seed=" + "9" * 5_000, {"seed": "9" * 5_000}, id="5,000 digits"),
    ],
)
def test_settings_can_be_overridden(setting: str, expected: Recipe) -> None:
    recipe: Recipe = {}
    override(recipe, setting)
    assert recipe == expected


def test_overriding_keeps_the_other_settings() -> None:
    recipe: Recipe = {"student": {"dim": 8, "hidden": 4}}
    override(recipe, "student.dim=16")
    assert recipe == {"student": {"dim": 16, "hidden": 4}}


@pytest.mark.parametrize("setting", ["seed", "=3", "a.b.c=3", "student.=3"])
def test_settings_of_another_form_are_rejected(setting: str) -> None:
    assert "section.key=value" in error(lambda: override({}, setting))


def test_a_setting_below_a_value_is_rejected() -> None:
    assert "output is not a table" in error(lambda: override({"output": "out"}, "output.name=3"))


@dataclass(frozen=True)
class Page:
    title: str
    seeds: int = 1


def test_report_settings_are_read_as_any_dataclass() -> None:
    assert report_settings({}, Page, "films", "r") == Page("films")
    assert report_settings({"report": {"title": "Films", "seeds": 3}}, Page, "films", "r") == Page("Films", 3)
    with pytest.raises(InputError, match=r"r \[report\] has no setting 'seed': did you mean 'seeds'"):
        report_settings({"report": {"seed": 3}}, Page, "films", "r")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"output": 3}, "output is 3: give a string."),
        ({"output": "a\0b"}, "leave out the NUL character"),
        ({"data_dir": 3}, "data_dir is 3: give a string."),
        ({"teacher": {"model": 3}}, "[teacher]: model is 3: give a string."),
        ({"teacher": {"encoder": []}}, "[teacher]: encoder is []: give a string."),
        ({"teacher": {"soft_targets": "a"}}, "soft_targets is 'a': give a list of directories."),
        ({"teacher": {"revision": "v1"}}, "[teacher]: revision is of a model: name it too"),
        ({"data": {"classes": "a,b"}}, "classes is 'a,b': give a list of names."),
        ({"data": {"text": 3}}, "[data]: text is 3: give a value of type str"),
        ({"data": {"labelled": []}}, "[data] labelled is []"),
        ({"data": {"labelled": {"path": "a", "where": {"b": "c"}}}}, "where is {'b': 'c'}"),
        ({"data": {"labelled": {"dataset": {"split": "a"}}}}, "table with its id"),
        ({"data": {"labelled": {}}}, "neither a path nor a dataset"),
        ({"colour": 3}, "has no setting 'colour': known settings are output,"),
        ({"vocabulary": {"colour": 3}}, "known settings are max_ngram, boundaries, min_characters"),
        ({"teacher": {"colour": 3}}, "known settings are model, revision, encoder, soft_targets"),
        ({"student": 3}, "student is not a table: write [student]"),
        ({"threads": "all"}, "threads is 'all': give a value of type int"),
        ({"calibrate": 1}, "calibrate is 1: give a value of type bool."),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"threads": 0}, "threads is 0: it must be at least 1"),
        ({"validation_share": 1.5}, "validation_share is 1.5"),
        ({"shard_size": 0}, "shard_size is 0"),
        ({"tune_minutes": float("inf")}, "tune_minutes is inf"),
        ({"training": {"learning_rate": float("inf")}}, "learning_rate is inf: it must be finite"),
        ({"training": {"seed": -1}}, "seed is -1"),
        ({"teacher": {"learning_rate": float("nan")}}, "learning_rate of the teacher is nan"),
        ({"finetuning": {"steps": 1.5}}, "[finetuning]: steps is 1.5"),
    ],
)
def test_wrong_settings_are_named(recipe: dict[str, Any], message: str) -> None:
    found = error(lambda: recipe_job(recipe, "films.toml"))
    assert message in found


def test_a_long_value_is_quoted_in_part() -> None:
    message = error(lambda: recipe_job({"data": {"classes": "x" * 10**6}}, "films.toml"))
    assert len(message) < 5_000
    assert message.startswith("films.toml [data]: classes is 'xxx")
    assert " [...] " in message
    assert message.endswith(": give a list of names.")


def test_suggestions_are_of_all_settings_of_a_table() -> None:
    for recipe, message in (
        ({"vocabulary": {"max_ngramm": 3}}, "did you mean 'max_ngram'?"),
        ({"vocabulary": {"max_row": 3}}, "did you mean 'max_rows'?"),
        ({"teacher": {"encoders": "a"}}, "did you mean 'encoder'?"),
    ):
        with pytest.raises(InputError) as caught:
            recipe_job(recipe)
        assert message in str(caught.value)


def test_files_that_are_not_recipes_are_rejected(tmp_path: Path) -> None:
    assert "does not exist" in error(lambda: read_recipe(tmp_path / "no.toml"))
    assert "cannot be read" in error(lambda: read_recipe(tmp_path))
    assert "is not TOML" in error(lambda: read_recipe(write(tmp_path, "a =")))
    assert "is not TOML" in error(lambda: read_recipe(write(tmp_path, "seed = " + "9" * 5_000)))
    (tmp_path / "r.toml").write_bytes(b"a = '\xff'")
    assert "cannot be read" in error(lambda: read_recipe(tmp_path / "r.toml"))
