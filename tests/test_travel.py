"""Students and vocabularies travel to other processes."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparsedistill import InputError, Student, TokenizerConfig, Vocabulary
from sparsedistill.model.weights import StudentWeights

TEXTS = ["a good film", "a bad film", "", "neither"]


def make() -> Student:
    vocabulary = Vocabulary.from_ngrams(["good", "bad", "film", "good film"], TokenizerConfig(2))
    random = np.random.default_rng(0)

    def array(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return random.standard_normal(shape).astype(np.float32)

    return Student(
        vocabulary, StudentWeights(array(4, 8), array(4, 8), array(4), array(2, 4), array(2)), ("a", "b")
    )


def test_pickle_and_copies_give_the_same_bits(tmp_path: Path) -> None:
    made = make()
    made.save_pretrained(tmp_path / "s")
    made.compress(TEXTS * 50).save_pretrained(tmp_path / "c")
    opened, compact = (Student.from_pretrained(tmp_path / name) for name in ("s", "c"))
    in_memory = Student(compact.vocabulary, compact.weights, compact.classes)
    for student in (made, opened, compact, in_memory):
        for copied in (pickle.loads(pickle.dumps(student)), copy.deepcopy(student), copy.copy(student)):
            assert copied.score(TEXTS).logits.tobytes() == student.score(TEXTS).logits.tobytes()
    assert len(pickle.dumps(opened)) < 500
    vocabulary = pickle.loads(pickle.dumps(made.vocabulary))
    assert vocabulary.rows_of(["bad", "none"]).tolist() == [1, -1]


def test_a_student_whose_directory_was_replaced_travels_as_itself(tmp_path: Path) -> None:
    make().save_pretrained(tmp_path / "s")
    student = Student.from_pretrained(tmp_path / "s")
    sent = pickle.dumps(student)
    (tmp_path / "s").rename(tmp_path / "old")
    Student(student.vocabulary, student.weights, ("c", "d")).save_pretrained(tmp_path / "s")
    assert pickle.loads(pickle.dumps(student)).classes == ("a", "b")
    with pytest.raises(InputError, match="was replaced while a student of it was sent"):
        pickle.loads(sent)


def test_spawned_processes(tmp_path: Path) -> None:
    make().save_pretrained(tmp_path / "s")
    student = Student.from_pretrained(tmp_path / "s")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (found,) = pool.map(student.predict_proba, [TEXTS])
    assert found.tobytes() == student.predict_proba(TEXTS).tobytes()


def test_a_fork_beside_predicting_threads_does_not_hang(tmp_path: Path) -> None:
    """In a subprocess: the pools of torch and Arrow, which other tests start, may hang in a fork."""
    make().save_pretrained(tmp_path / "s")
    code = (
        "import os, signal, sys, threading\n"
        "from sparsedistill import Student\n"
        "student, done = Student.from_pretrained(sys.argv[1]), []\n"
        "def predict():\n"
        "    while not done: student.network(['a good film'], None, 1)\n"
        "threads = [threading.Thread(target=predict) for _ in range(6)]\n"
        "for thread in threads: thread.start()\n"
        "ended = []\n"
        "for _ in range(80):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        signal.alarm(10)\n"
        "        student.network(['a good film'], None, 1)\n"
        "        os._exit(0)\n"
        "    ended.append(os.waitpid(child, 0)[1])\n"
        "done.append(True)\n"
        "for thread in threads: thread.join()\n"
        "assert not any(ended), ended\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, tmp_path / "s"], check=True)
