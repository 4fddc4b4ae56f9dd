"""The package for JavaScript, in Node: the bits of its answers, and damaged students."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.rows import reviews
from support.students import QUESTIONS, good_or_bad, uneven

from sparsedistill import MultiHeadStudent, Student, __version__
from sparsedistill.compression import Floor

PACKAGE = Path(__file__).parents[2] / "javascript"
NODE = shutil.which("node")
#: Number of texts that are compared; the bar is 100,000.
TEXTS = int(os.environ.get("JAVASCRIPT_TEXTS", "3000"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        NODE is None or not (PACKAGE / "sparsedistill.wasm").exists(), reason="needs Node, and make wasm"
    ),
]


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[str]:
    return reviews(shared_data, 1500)


LOOSE = Floor(0.2, 1, float("inf"))
PIECES = [
    "é",
    "ß",
    "e\u0301",
    "東京",
    "ก\u0e34",
    "👩\u200d👧",
    "\ud800",
    "\udc00",
    "\U0001f600",
    "\0",
    "\u200b",
    "ﬃ",
    "'",
    "!!",
    "\t",
]


def node(*arguments: object) -> subprocess.CompletedProcess[str]:
    assert NODE is not None
    command = [NODE, "--no-warnings", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


def hostile(real: Sequence[str], count: int) -> list[str]:
    """Reviews, cut and mixed with pieces that tokenizers get wrong."""
    draw = random.Random(3)
    words = " ".join(real).split()
    texts = ["", " ", "\ud800", "a" * 100_000, "unspeakablee " * 3_000]
    while len(texts) < count:
        parts = draw.choices(words, k=draw.randint(0, 30)) + draw.choices(PIECES, k=draw.randint(0, 4))
        draw.shuffle(parts)
        texts.append(draw.choice(["", " "]).join(parts))
    # Halves of a pair that have come together are one character in JavaScript.
    joined = (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass") for text in texts
    )
    return list(joined)[:count]


def several_heads(texts: list[str]) -> MultiHeadStudent:
    """A student of three questions over the table of one."""
    student = uneven(texts, characters=4)
    draw = np.random.default_rng(2)
    output = draw.standard_normal((6, 8)).astype(np.float32)
    weights = replace(student.weights, output_weight=output, output_bias=np.zeros(6, np.float32))
    return MultiHeadStudent(student.vocabulary, weights, QUESTIONS)


def compact(kind: str, texts: list[str]) -> Student | MultiHeadStudent:
    if kind == "several heads":
        return several_heads(texts).compress(
            texts, floors=dict.fromkeys([head.name for head in QUESTIONS], LOOSE)
        )
    if kind == "pairs":
        return uneven(texts, characters=3, pair=True).compress(texts, texts[1:] + texts[:1], floor=LOOSE)
    return uneven(texts, characters=5 if kind == "characters" else 0).compress(texts, floor=LOOSE)


def expected(student: Any, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Any, Any]:
    """Logits and coverage."""
    scored = student.score(texts, pairs)
    if isinstance(scored, dict):
        found = list(scored.values())
        return np.concatenate([one.logits for one in found], axis=1), found[0].coverage
    return scored.logits, scored.coverage


@pytest.mark.parametrize("kind", ["words", "characters", "pairs", "several heads"])
def test_answers_have_the_same_bits(kind: str, real: list[str], tmp_path: Path) -> None:
    student = compact(kind, real)
    student.save_pretrained(tmp_path / "student")
    texts = hostile(real[:400], TEXTS)
    pairs = texts[::-1] if kind == "pairs" else None
    (tmp_path / "texts.json").write_text(json.dumps({"texts": texts, "pairs": pairs}))
    done = node(Path(__file__).with_name("compare.mjs"), PACKAGE / "index.js", tmp_path)
    assert done.returncode == 0, done.stderr
    logits, coverage = expected(student, texts, pairs)
    assert (tmp_path / "logits").read_bytes() == logits.tobytes()
    assert (tmp_path / "coverage").read_bytes() == coverage.tobytes()
    check_explanations(student, texts, pairs, tmp_path)
    entries = json.loads((tmp_path / "entries.json").read_text())["entries"]
    some = texts[:2000]
    inputs: Any = (
        some if pairs is None else [{"text": a, "text_pair": b} for a, b in zip(some, pairs, strict=False)]
    )
    assert entries == student(inputs, top_k=None, coverage=True)


def explanation(student: Any, text: str, text_pair: str | None) -> dict[str, Any]:
    """An explanation as JavaScript gives it, with places in code units of UTF-16."""
    found = student.explain(text, text_pair)
    parts = list(found.values()) if isinstance(found, dict) else [found]
    contributions = np.concatenate([part.contributions for part in parts], axis=1)

    def units(side: str, place: int) -> int:
        return len(side[:place].encode("utf-16-le", "surrogatepass")) // 2

    spans = []
    for span, added in zip(parts[0].spans, contributions.tolist(), strict=True):
        side = text if not span.second or text_pair is None else text_pair
        places = [[units(side, begin), units(side, end)] for begin, end in span.places]
        spans.append((span.ngram, places, span.second, span.characters, added))
    logits = np.concatenate([part.logits for part in parts])
    empty = np.concatenate([part.empty_logits for part in parts])
    return {"spans": spans, "logits": logits, "empty": empty}


def check_explanations(student: Any, texts: list[str], pairs: list[str] | None, folder: Path) -> None:
    read = 0
    for i, found in enumerate(json.loads((folder / "explained.json").read_text())):
        wanted = explanation(student, texts[i], None if pairs is None else pairs[i])
        spans = [(s["ngram"], s["places"], s["second"], s["unknown"]) for s in found["spans"]]
        assert spans == [span[:4] for span in wanted["spans"]]
        read += len(spans)
        np.testing.assert_array_equal(np.array(found["logits"], np.float32), wanted["logits"])
        np.testing.assert_allclose(found["emptyLogits"], wanted["empty"], rtol=1e-5, atol=1e-6)
        if spans:
            ours = np.array([span["contributions"] for span in found["spans"]])
            np.testing.assert_allclose(ours, [span[4] for span in wanted["spans"]], rtol=1e-4, atol=1e-5)
    assert read > 1000


def test_a_student_in_memory_and_what_is_refused(real: list[str], tmp_path: Path) -> None:
    uneven(real).compress(real, dims=3, floor=LOOSE).save_pretrained(tmp_path / "student")
    compact("characters", real).save_pretrained(tmp_path / "spelt")
    uneven(real[:300]).save_pretrained(tmp_path / "trained")
    done = node(Path(__file__).with_name("refused.mjs"), PACKAGE / "index.js", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused: ") > 60, done.stdout


def test_the_blocks_of_the_manual_run(tmp_path: Path) -> None:
    good_or_bad().compress(["good", "bad", "film"] * 10).save_pretrained(tmp_path / "student")
    for page in (PACKAGE / "README.md", PACKAGE.parent / "docs" / "guides" / "browser.md"):
        blocks = "\n".join(re.findall(r"```(?:javascript|js)\n(.*?)```", page.read_text(), re.DOTALL))
        program = blocks.replace('"sparsedistill"', repr(str(PACKAGE / "index.js")))
        program = re.sub(r'"https:[^"]*"', repr(str(tmp_path / "student")), program)
        (tmp_path / "block.mjs").write_text(program)
        done = node(tmp_path / "block.mjs")
        assert done.returncode == 0, done.stderr


def test_the_package_names_its_version_and_its_files() -> None:
    described = json.loads((PACKAGE / "package.json").read_text())
    assert described["version"] == __version__
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()} - {"package.json", "make_site.py"}
    assert set(described["files"]) == files


def test_types_are_those_of_typescript(tmp_path: Path) -> None:
    """Each exported name has a declaration, and the other way round."""
    declared = (PACKAGE / "index.d.ts").read_text()
    program = f"import * as all from {str(PACKAGE / 'index.js')!r}; console.log(Object.keys(all).join(' '))"
    (tmp_path / "names.mjs").write_text(program)
    names = set(node(tmp_path / "names.mjs").stdout.split())
    assert names == set(re.findall(r"export (?:class|function) (\w+)", declared))
    methods = re.findall(r"^  (?:get )?([a-z]\w+)\(", (PACKAGE / "index.js").read_text(), re.MULTILINE)
    student = declared[declared.index("export class Student {") :]
    assert set(methods) - {"constructor"} <= set(re.findall(r"^  ([a-z]\w+)\(", student, re.MULTILINE))
