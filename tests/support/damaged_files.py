"""Reads damaged copies of files of all formats: ``python -m support.damaged_files COUNT [SEED]``.

Nothing but rows and :class:`InputError` may come of it. One that takes longer than two seconds of the
processor ends the process by SIGPROF. The number is printed before a copy is read, and makes it again.
"""

from __future__ import annotations

import gzip
import json
import random
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet

from sparsedistill import Columns, Corpus, InputError
from sparsedistill.data.inputs import as_labelled
from sparsedistill.pipeline.recipe import read_recipe, recipe_job

_ROWS = [
    ('a "good" film, 日本', "good"),
    ("a\tbad\\ film\r", "bad"),
    ("", "good"),
    ("\ufeff" + "x" * 40, "bad"),
] * 3
_PIECES: list[bytes] = [
    *(
        b"\0",
        b'"',
        b'""',
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b",",
        b"\\",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"[" * 2_000,
        b'{"a":' * 500,
        b"null",
        b"NaN",
        b"1e999",
        b"9" * 5_000,
        b"\\ud800",
    ),
    *(b"__label__", b"label", b"text", b"\x1f\x8b", b"PAR1", b"=", b"'''"),
]
_RECIPE = """
output = "out"
seed = 1
[data]
text = "text"
unlabelled = ["more.txt"]
[data.labelled]
path = "train.csv"
[[data.test]]
path = "test.csv"
split_sentences = true
[vocabulary]
max_ngram = 2
[training]
steps = 10
learning_rate = 1e-3
"""


def originals() -> dict[str, bytes]:
    """A file of each format, by its name."""
    quoted = [tuple('"' + field.replace('"', '""') + '"' for field in row) for row in _ROWS]
    plain = [(text.translate({9: " ", 13: " "}), label) for text, label in _ROWS]
    table = pa.table({"text": [row[0] for row in _ROWS], "label": [row[1] for row in _ROWS]})
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    jsonl = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in _ROWS).encode()
    return {
        "a.csv": ("text,label\n" + "".join(",".join(row) + "\n" for row in quoted)).encode(),
        "a.tsv": ("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in plain)).encode(),
        "a.txt": "".join(row[0] + "\n" for row in plain).encode(),
        "a.jsonl": jsonl,
        "a.json": b"[" + b",".join(jsonl.splitlines()) + b"]",
        "a.jsonl.gz": gzip.compress(jsonl, mtime=0),
        "a.parquet": bytes(sink.getvalue()),
        "a.toml": _RECIPE.encode(),
    }


def damaged(draw: random.Random, content: bytes) -> bytes:
    """A copy with some bytes replaced, inserted, removed or repeated."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.randrange(len(changed) + 1)
        end = min(len(changed), at + draw.choice([0, 0, 1, 4, 30]))
        changed[at:end] = draw.choice(
            [draw.choice(_PIECES), draw.randbytes(2), bytes(changed[:at][-50:]), b""]
        )
    return bytes(changed if draw.random() < 0.9 else changed[: draw.randrange(len(changed) + 1)])


def read(path: Path) -> None:
    """What commands do with a file."""
    if path.suffix == ".toml":
        recipe_job(read_recipe(path))
        return
    for block in Corpus(path).rows(records=path.suffix != ".json"):
        assert block.table.column("text").null_count == 0
    if path.suffix != ".txt":
        as_labelled(path, Columns(), None)


def main(count: int, seed: int) -> None:
    """Read `count` copies."""
    files, refused = originals(), 0
    with TemporaryDirectory() as folder:
        for number in range(seed, seed + count):
            print(number, file=sys.stderr, flush=True)
            draw = random.Random(number)
            name = draw.choice(list(files))
            path = Path(folder, name)
            path.write_bytes(damaged(draw, files[name]))
            signal.setitimer(signal.ITIMER_PROF, 2)
            signal.alarm(60)  # the processor may be busy with other work
            try:
                read(path)
            except InputError as error:
                refused += 1
                if "\n" in str(error):
                    raise AssertionError("not one line") from error
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
    print(f"{count} damaged files: {count - refused} read, {refused} refused")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0)
