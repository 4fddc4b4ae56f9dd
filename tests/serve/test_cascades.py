"""A cascade with an LLM behind it, over real HTTP."""

from __future__ import annotations

import json
import math
from pathlib import Path

from support.completions import Reply, Seen, chosen, served
from support.server import serving
from support.students import good_or_bad

from sparsedistill import Cascade


def undecided_are_bad(request: Seen, _: int) -> Reply:
    """The teacher: every text is bad, and one makes it fail."""
    if "fail" in str(request.body["messages"]):
        return Reply(400, {"error": {"message": "no such text"}})
    return Reply(body=chosen(("bad", math.log(0.9)), ("good", math.log(0.1))))


def test_the_teacher_answers_what_the_student_is_not_sure_of(tmp_path: Path) -> None:
    with served(undecided_are_bad) as llm:
        teacher = tmp_path / "llm.toml"
        teacher.write_text(
            f'[server]\nurl = "{llm.url}"\nmodel = "m"\nretries = 0\ncache = "{tmp_path / "cache"}"\n'
            '[question]\nprompt = "{text}"\nclasses = ["good", "bad"]\n'
        )
        Cascade(good_or_bad(), str(teacher), 0.9).save_pretrained(tmp_path / "cascade")
        with serving(tmp_path / "cascade") as server:
            sure = server.post("/predict", {"inputs": "good"})
            assert (sure.json()[0]["label"], "x-deferred" in sure.headers) == ("good", False)
            assert not llm.seen
            batch = server.post("/predict", {"inputs": [["good"], ["other"], ["more"]]})
            assert [row[0]["label"] for row in batch.json()] == ["good", "bad", "bad"]
            assert batch.headers["x-deferred"] == "2"
            assert len(llm.seen) == 2
            lines = b'"good"\n"another"\n'
            headers = {"content-type": "application/x-ndjson"}
            rows = server.client.post("/bulk", content=lines, headers=headers).text.splitlines()
            assert [json.loads(row)["deferred"] for row in rows] == [False, True]
            explained = server.post("/explain", {"inputs": "good"}).json()
            assert explained["ngrams"][0]["ngram"] == "good"
            figures = server.client.get("/metrics").text
            assert 'sparsedistill_deferred_texts_total{model="cascade"} 3.0' in figures
            assert 'sparsedistill_texts_total{model="cascade"} 6.0' in figures
            parts = [server.post(f"/{part}/predict", {"inputs": "good"}) for part in ("student", "teacher")]
            assert [part.json()[0]["label"] for part in parts] == ["good", "bad"]
            assert server.post("/teacher/explain", {"inputs": "good"}).status_code == 404
            (listed,) = server.client.get("/students").json()
            assert (listed["path"], listed["name"], listed["teacher"]) == ("", "cascade", True)
            failed = server.post("/predict", {"inputs": "fail"})
            assert (failed.status_code, failed.json()["error_type"]) == (424, "Backend")
            assert failed.json()["error"].startswith("The teacher failed: ")
