"""A real, small LLM as a teacher: in Python, in a recipe, and in a command that is killed in the middle."""

from __future__ import annotations

import gzip
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.completions import passed_on, served

from sparsedistill import LLMQuestion, LLMServer, LLMTeacher, SoftTargets

pytestmark = pytest.mark.slow

EXAMPLES = """Review: a dull , lifeless and boring mess of a film
Sentiment: Negative

Review: a gorgeous , witty , seductive movie
Sentiment: Positive

Review: contains no wit , only labored gags
Sentiment: Negative

Review: the film is too long and lacks focus
Sentiment: Negative

Review: {text}
Sentiment:"""

DESCRIPTION = f'''
[server]
url = "URL"
model = "SmolLM2-135M-Instruct"
cache = "CACHE"
concurrency = 2

[question]
endpoint = "completions"
classes = {{ negative = "Negative", positive = "Positive" }}
top_logprobs = 40
prompt = """
{EXAMPLES}"""
'''


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers that tests share."""
    return tmp_path_factory.mktemp("llm") / "answers.sqlite"


@pytest.fixture(scope="module")
def reviews(shared_data: Path) -> tuple[list[str], list[str]]:
    """24 sentences of SST-2 and their labels."""
    with gzip.open(shared_data / "sst2" / "dev.tsv.gz", "rt", encoding="utf-8") as file:
        header, *rows = (line.rstrip("\n").split("\t") for line in file)
    text, label = header.index("text"), header.index("label")
    names = {"0": "negative", "1": "positive"}
    return [row[text] for row in rows[:24]], [names.get(row[label], row[label]) for row in rows[:24]]


def test_the_classes_of_texts(llm_url: str, cache: Path, reviews: tuple[list[str], list[str]]) -> None:
    texts, labels = reviews
    server = LLMServer(llm_url, "SmolLM2-135M-Instruct", concurrency=2, cache=cache)
    answers = {"negative": "Negative", "positive": "Positive"}
    teacher = LLMTeacher(server, LLMQuestion(EXAMPLES, answers, endpoint="completions", top_logprobs=40))
    scores = teacher.score(texts)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-5)
    assert roc_auc_score(np.array(labels) == "positive", scores[:, 1]) > 0.9
    assert teacher.usage.unusable == 0
    chat = LLMTeacher(
        server, LLMQuestion("Answer Positive or Negative. Is this review positive?\n\n{text}", answers)
    )
    assert chat.score(texts[:10]).std() > 0.01
    assert chat.usage.tokens_out == 10


def test_numbers(llm_url: str, tmp_path: Path) -> None:
    server = LLMServer(llm_url, "SmolLM2-135M-Instruct", concurrency=2, cache=tmp_path / "answers.sqlite")
    question = LLMQuestion(
        "Rate this review from 1 to 5. Answer with one digit.\n\n{text}", bounds=(1, 5), fallback=3
    )
    texts = ["a fine film", "dull and boring", "it is about a war"]
    scores = LLMTeacher(server, question).score(texts)
    assert scores.shape == (3, 1)
    assert np.isin(scores, [1, 2, 3, 4, 5]).all()
    expected = LLMTeacher(server, replace(question, expected=True)).score(texts)
    assert ((expected > 1) & (expected < 5)).all()
    assert len(np.unique(expected)) == 3


LABELS = '''
[server]
url = "URL"
model = "SmolLM2-135M-Instruct"
cache = "CACHE"
concurrency = 2

[question]
endpoint = "completions"
multi_label = true
answers = ["Yes", "No"]
top_logprobs = 40
classes = { good = "good", bad = "bad" }
prompt = """
Review: a dull , lifeless and boring mess of a film
Is it good? No
Is it bad? Yes

Review: a gorgeous , witty , seductive movie
Is it bad? No
Is it good? Yes

Review: {text}
Is it {class}?"""
'''


def test_several_labels_of_real_texts(
    llm_url: str, tmp_path: Path, reviews: tuple[list[str], list[str]]
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(reviews[0][:12]) + "\n")
    described = LABELS.replace("URL", llm_url).replace("CACHE", str(tmp_path / "answers.sqlite"))
    (tmp_path / "llm.toml").write_text(described)
    command = [sys.executable, "-m", "sparsedistill", "label", "llm.toml", "texts.txt", "-o", "labels"]
    subprocess.run(command, cwd=tmp_path, check=True)
    targets = SoftTargets.open(tmp_path / "labels")
    assert targets.multi_label
    assert targets.classes == ("good", "bad")
    logits = targets.all().logits
    assert logits.shape == (12, 2)
    assert (logits.std(axis=0) > 0.05).all()
    connection = sqlite3.connect(tmp_path / "answers.sqlite")
    (kept,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    connection.close()
    assert kept == 24  # one for each label of a text


def test_a_killed_labelling_asks_nothing_twice(
    llm_url: str, tmp_path: Path, reviews: tuple[list[str], list[str]]
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(reviews[0]) + "\n")
    cache = tmp_path / "answers.sqlite"
    with served(passed_on(llm_url)) as server:
        description = DESCRIPTION.replace("URL", server.url).replace("CACHE", str(cache))
        (tmp_path / "llm.toml").write_text(description)
        command = [sys.executable, "-m", "sparsedistill", "label", "llm.toml", "texts.txt", "-o", "labels"]
        with subprocess.Popen(command, cwd=tmp_path) as process:
            while len(server.seen) < 10:
                sleep(0.01)
                assert process.poll() is None
            process.kill()
        connection = sqlite3.connect(cache)
        (kept,) = connection.execute("SELECT count(*) FROM answers").fetchone()
        connection.close()
        assert 7 <= kept < 24
        before = len(server.seen)
        again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert len(server.seen) - before == 24 - kept
        said = " ".join(again.stderr.split())
        assert f"{24 - kept} answers (" in said
        assert f"and {kept} remembered ones" in said
        asked = [json.dumps(request.body) for request in server.seen]
        assert len(set(asked)) == 24
        assert len(asked) <= 24 + 2  # the two that were being answered when the process was killed
        subprocess.run(command, cwd=tmp_path, check=True)
        assert len(server.seen) == len(asked)
    targets = SoftTargets.open(tmp_path / "labels")
    assert len(targets) == 24
    assert targets.classes == ("negative", "positive")


def test_a_recipe_names_the_description(
    llm_url: str, tmp_path: Path, cache: Path, reviews: tuple[list[str], list[str]]
) -> None:
    rows = [f"{text}\t{label}\n" for text, label in zip(*reviews, strict=True)]
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "".join(rows))
    (tmp_path / "llm.toml").write_text(DESCRIPTION.replace("URL", llm_url).replace("CACHE", str(cache)))
    (tmp_path / "job.toml").write_text(
        'tune = false\ncompact = false\n[data]\nlabelled = "train.tsv"\n[teacher]\nmodel = "llm.toml"\n'
        "[training]\nsteps = 20\n[finetuning]\nsteps = 5\n[vocabulary]\nmin_count = 1\n"
    )
    command = [sys.executable, "-m", "sparsedistill", "distill", "job.toml"]
    subprocess.run(command, cwd=tmp_path, check=True)
    evaluate = ["evaluate", "distilled/student", "train.tsv", "--teacher", "llm.toml"]
    table = subprocess.run(
        [sys.executable, "-m", "sparsedistill", *evaluate], cwd=tmp_path, capture_output=True, check=True
    )
    assert b"retention" in table.stdout
    recipe = (tmp_path / "distilled" / "recipe.toml").read_text()
    assert 'model = "llm.toml"' in recipe
    assert SoftTargets.open(tmp_path / "distilled" / "labels").teacher == "SmolLM2-135M-Instruct"
