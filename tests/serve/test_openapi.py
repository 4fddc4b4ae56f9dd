"""The OpenAPI document, against the server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.server import RunningServer

HOOKS = Path(__file__).parents[1] / "support" / "schemathesis_hooks.py"


def schemathesis_cases(server: RunningServer, folder: Path, *options: object) -> int:
    """Let schemathesis send cases with all checks; how many it made."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
    given = ["--checks", "all", "--seed", "1", "--phases", "coverage,fuzzing", "--url", server.url]
    server.client.get("/health")  # answers when the server has begun, which schemathesis does not wait for
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)}
    done = subprocess.run(
        [*command, *given, *map(str, options)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = re.search(r"([\d,]+) generated", done.stdout)
    assert found is not None, done.stdout
    return int(found[1].replace(",", ""))


@pytest.mark.slow
def test_a_few_cases_of_one_student(server: RunningServer, tmp_path: Path) -> None:
    paths = "^/(predict|classify)?$"
    assert schemathesis_cases(server, tmp_path, "-n", 5, "--include-path-regex", paths) > 50


# Lines of JSON have no schema: whatever is sent to /bulk is a valid body, and an invalid line is an answer.
@pytest.mark.slow
@pytest.mark.skipif("OPENAPI" not in os.environ, reason="make openapi runs it")
def test_ten_thousand_cases_of_all_students(server: RunningServer, tmp_path: Path) -> None:
    assert schemathesis_cases(server, tmp_path, "-n", 200, "--exclude-path-regex", "bulk") > 10_000


def test_all_paths_are_described(server: RunningServer) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    for path in ("/", "/predict", "/pairs/predict", "/three/explain", "/three/topic/classify", "/tags/bulk"):
        assert "post" in paths[path]
    assert "/pairs/classify" not in paths
    assert "/three/classify" not in paths
    assert {"/health", "/ping", "/metrics", "/info", "/tags/info", "/openapi.json"} < set(paths)


def test_texts_and_pairs_have_schemas_of_their_own(server: RunningServer) -> None:
    schemas = server.client.get("/openapi.json").json()["components"]["schemas"]
    text, _, batch = schemas["PredictRequestOfTexts"]["properties"]["inputs"]["anyOf"]
    assert text == {"type": "string", "minLength": 1, "maxLength": 1_000_000}
    assert batch["maxItems"] == 1024
    pair, _ = schemas["PredictRequestOfPairs"]["properties"]["inputs"]["anyOf"]
    assert (pair["minItems"], pair["maxItems"]) == (2, 2)
