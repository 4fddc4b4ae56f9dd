"""Jobs: everything from texts and a teacher to an evaluated student, from Python or from a recipe.

Public names are imported when they are first used, since settings and recipes do not need torch. The
functions ``distill`` and ``prepare`` are missing because they have the names of their modules;
:func:`sparsedistill.distill` is exported by the top-level package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._internal.lazy import lazy_names

if TYPE_CHECKING:
    from .config import DistillationConfig, StudentConfig
    from .distill import Distilled, run
    from .job import Job
    from .job_vocabulary import make_vocabulary
    from .material import Material, gather
    from .prepare import PreparedJob
    from .recipe import read_recipe, recipe_config, recipe_job
    from .student_training import train_student

_MODULES = {
    "DistillationConfig": "config",
    "Distilled": "distill",
    "Job": "job",
    "Material": "material",
    "PreparedJob": "prepare",
    "StudentConfig": "config",
    "gather": "material",
    "make_vocabulary": "job_vocabulary",
    "read_recipe": "recipe",
    "recipe_config": "recipe",
    "recipe_job": "recipe",
    "run": "distill",
    "train_student": "student_training",
}

__all__ = [
    "DistillationConfig",
    "Distilled",
    "Job",
    "Material",
    "PreparedJob",
    "StudentConfig",
    "gather",
    "make_vocabulary",
    "read_recipe",
    "recipe_config",
    "recipe_job",
    "run",
    "train_student",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
