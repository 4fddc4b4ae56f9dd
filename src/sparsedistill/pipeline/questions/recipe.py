"""Recipes of several questions: ``[[teachers]]`` instead of ``[teacher]``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._internal.settings import as_tuple, check_names, fits, table_of
from ...data.sources import data_folder
from ...errors import InputError
from ...problem import SCORE, Problem
from ...teachers.precomputed import FileTeacher
from ..recipe import (
    COLUMNS,
    FILES,
    PLACES,
    QUESTIONS,
    TEACHER,
    Recipe,
    columns_of,
    place_of,
    recipe_config,
    string_of,
)
from .job import MultiHeadJob, Question

#: Labelled texts of a question, or of the job.
_LABELLED = ("labelled", "validation", "test")
_SCORES = ("scores", "outputs")
_KEYS = (
    "name",
    *TEACHER,
    *_SCORES,
    "label",
    "label_separator",
    "classes",
    "problem",
    "class_weights",
    *_LABELLED,
)
#: Columns of ``[data]`` that a question has for itself.
_OWN = ("label", "label_separator", "problem")


def has_questions(recipe: Recipe) -> bool:
    """Whether a recipe is of several questions."""
    return QUESTIONS in recipe


def multi_head_job(recipe: Recipe, name: str = "The recipe") -> MultiHeadJob:
    """The job that a recipe of several questions describes.

    Args:
        recipe: The recipe.
        name: The recipe's name in errors.

    Raises:
        InputError: A table or a setting is unknown, a value has the wrong type, or the parts of the job
            exclude each other.
    """
    config = recipe_config(recipe, name)
    data, teacher = table_of(recipe, "data", name), table_of(recipe, "teacher", name)
    for key in TEACHER:
        if key in teacher:
            raise InputError(f"{name} has {key} in [teacher] and [[{QUESTIONS}]]: move it to one of these.")
    check_names(data, (*PLACES, *COLUMNS, *FILES, "classes"), f"{name} [data]")
    for key in (*_OWN, "classes"):
        if key in data:
            raise InputError(f"{name} [data]: {key} is given for all questions: move it to [[{QUESTIONS}]].")
    folder = data_folder(string_of(recipe, "data_dir", name))
    output = string_of(recipe, "output", name)
    return MultiHeadJob(
        questions=_questions(recipe[QUESTIONS], name, folder),
        output=Path("distilled" if output is None else output),
        columns=columns_of(data, f"{name} [data]"),
        config=config,
        recipe=recipe,
        **{key: place_of(data[key], f"{name} [data] {key}", folder) for key in PLACES if key in data},
    )


def _questions(tables: Any, name: str, folder: str | None) -> dict[str, Question]:
    """The questions of a recipe by their names."""
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise InputError(f"{name}: {QUESTIONS} is {tables!r}: write [[{QUESTIONS}]] above each question.")
    found: dict[str, Question] = {}
    for number, table in enumerate(tables):
        where = f"{name} [[{QUESTIONS}]] {number + 1}"
        check_names(table, _KEYS, where)
        head = string_of(table, "name", where)
        if head is None:
            raise InputError(f"{where} has no name: give the name of its head.")
        if head in found:
            raise InputError(f"{where} has the name {head!r}, as one before: give each head another name.")
        found[head] = _question(table, where, folder)
    return found


def _question(table: Mapping[str, Any], name: str, folder: str | None) -> Question:
    for key in ("classes", "soft_targets"):
        if key in table and not fits(table[key], tuple[str, ...]):
            raise InputError(f"{name}: {key} is {table[key]!r}: give a list of strings.")
    if "problem" in table and not fits(table["problem"], Problem):
        raise InputError(
            f"{name}: problem is {table['problem']!r}: give single_label, multi_label or regression."
        )
    weights = table.get("class_weights")
    if weights not in (None, "balanced") and not fits(weights, tuple[float, ...]):
        raise InputError(f'{name}: class_weights is {weights!r}: give a list of numbers, or "balanced".')
    places = {key: place_of(table[key], f"{name} {key}", folder) for key in _LABELLED if key in table}
    return Question(
        teacher=_scores_in_files(table, name) or string_of(table, "model", name),
        encoder=string_of(table, "encoder", name),
        label=string_of(table, "label", name),
        labelled=places.get("labelled"),
        validation=places.get("validation"),
        test=places.get("test"),
        classes=tuple(table["classes"]) if "classes" in table else None,
        problem=table.get("problem"),
        label_separator=string_of(table, "label_separator", name),
        revision=string_of(table, "revision", name),
        remembered=tuple(map(Path, table.get("soft_targets", ()))),
        scores=as_tuple(table.get("scores")),
        class_weights=as_tuple(weights),
    )


def _scores_in_files(table: Mapping[str, Any], name: str) -> FileTeacher | None:
    """The teacher of a question whose scores are in the unlabelled files."""
    scores = table.get("scores")
    if scores is None:
        if "outputs" in table:
            raise InputError(f"{name} has outputs and no scores: name the columns of the scores.")
        return None
    if not isinstance(scores, str) and not fits(scores, tuple[str, ...]):
        raise InputError(f"{name}: scores is {scores!r}: give the name of a column, or a list of names.")
    if "model" in table:
        raise InputError(f"{name} has a model and scores in files: leave one of them out.")
    classes = SCORE if table.get("problem") == "regression" else tuple(table.get("classes", ()))
    if not classes:
        raise InputError(
            f'{name}: the classes of the scores are not known: give classes, or problem = "regression".'
        )
    outputs = string_of(table, "outputs", name) or "logits"
    return FileTeacher(classes, "label_separator" in table, outputs)
