"""Data sources of recipes: local copies, data sets on the Hub (with a fake ``datasets``), sentences."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from support.sentences import error

from sparsedistill import Columns, Corpus, InputError, read_labelled
from sparsedistill.data.hub import HubDataset
from sparsedistill.data.identity import identities, not_held_out
from sparsedistill.data.recombination import recombined
from sparsedistill.data.sentences import sentences
from sparsedistill.data.sources import DataSource, write_sources
from sparsedistill.pipeline.recipe import read_recipe, recipe_job

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))
LABELLED = Columns(label="label")
SEVERAL = Columns(label="label", label_separator=",")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a local copy: reviews of four kinds of things."""
    rows = [
        f"{kind}\t{kind} number {i}\t{i % 2}\n" for i in range(25) for kind in ("tea", "ink", "oil", "rye")
    ]
    (tmp_path / "reviews.tsv").write_text("kind\ttext\tlabel\n" + "".join(rows))
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """A fake ``datasets`` with one table. Returns the list of calls of ``load_dataset``."""
    calls: list[tuple[Any, ...]] = []
    table = pa.table(
        {
            "sentence": ["one", "two", "three"],
            "other": ["a", "b", "c"],
            "label": pa.array([0, 1, 1]),
            "toxicity": [0.1, 0.5, 0.9],
            "gap": ["x", None, "z"],
        }
    )

    class Split:
        def with_format(self, kind: str) -> dict[slice, pa.Table]:
            assert kind == "arrow"
            return Whole()

    class Whole(dict[slice, pa.Table]):
        def __getitem__(self, rows: slice) -> pa.Table:
            assert rows == slice(None)
            return table

    def load_dataset(path: str, name: str | None, *, split: str, revision: str | None) -> Split:
        calls.append((path, name, split, revision))
        if path == "gone":
            raise OSError("no network\nat all")
        return Split()

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return calls


def test_a_local_copy_has_precedence_over_the_hub(folder: Path, hub: list[tuple[Any, ...]]) -> None:
    source = DataSource("reviews.tsv", HubDataset("some/reviews"), folder=str(folder))
    table = source.read(LABELLED)
    assert table.column_names == ["text", "label"]
    assert (len(table), table["text"][0].as_py(), table["label"][0].as_py()) == (100, "tea number 0", "0")
    assert not hub


def test_a_missing_copy_is_loaded_from_the_hub(
    folder: Path, hub: list[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sparsedistill")
    dataset = HubDataset("some/set", "test", "config", "main", text="sentence", text_pair="other")
    for where in (str(folder), None):
        source = DataSource("no.tsv", dataset, folder=where)
        table = source.read(Columns("text_a", "text_b", "label"))
        assert table.to_pydict() == {
            "text": ["one", "two", "three"],
            "text_pair": ["a", "b", "c"],
            "label": ["0", "1", "1"],
        }
    assert hub == [("some/set", "config", "test", "main")] * 2
    assert "no.tsv does not exist: loading some/set from the Hub" in caplog.text


def test_numbers_become_labels_at_a_threshold(hub: list[tuple[Any, ...]]) -> None:
    dataset = HubDataset("some/set", text="sentence", label="toxicity", threshold=0.5)
    assert DataSource(dataset=dataset).read(LABELLED)["label"].to_pylist() == ["0", "1", "1"]
    only = DataSource(dataset=dataset, where={"other": ("b", "c")})
    assert only.read(LABELLED)["text"].to_pylist() == ["two", "three"]


def test_rows_are_selected_by_a_column_and_drawn_at_random(folder: Path) -> None:
    source = DataSource("reviews.tsv", where={"kind": ("ink", "rye")}, limit=20, folder=str(folder))
    first, again, other = (source.read(Columns(), seed)["text"].to_pylist() for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first)) == 20
    assert {text.split()[0] for text in first} == {"ink", "rye"}


def _texts(path: Path) -> list[str]:
    found: list[str] = DataSource(str(path), folder="/").read(Columns())["text"].to_pylist()
    return found


def test_documents_are_split_into_sentences() -> None:
    review = (
        'It is slow at first. Then "it moves!" And how... it never stops.<br /><br />'
        "Mr Ed is in it. Too short. It is slow at first."
    )
    assert list(sentences([review, "Then it ends\nin the rain"], min_words=3)) == [
        "It is slow at first.",
        'Then "it moves!"',
        "And how... it never stops.",
        "Mr Ed is in it.",
        "Then it ends",
        "in the rain",
    ]
    assert list(sentences(["one two three. Four five."], min_words=1, max_words=2)) == ["Four five."]


def test_sentences_of_a_data_source(folder: Path) -> None:
    (folder / "films.txt").write_text("A good film. And a long one, too.\nNo.\n")
    source = DataSource("films.txt", split_sentences=True, min_words=3, folder=str(folder))
    assert source.read(Columns())["text"].to_pylist() == ["A good film.", "And a long one, too."]
    assert "unlabelled" in error(lambda: source.read(LABELLED))


def test_texts_are_recombined_at_a_common_word() -> None:
    texts = ["who wrote the song yesterday", "what Song won in 1990", "not a word of it"]
    made = recombined(texts, 100)
    assert sorted(made) == ["who wrote the Song won in 1990"]  # the other recombined text has three words
    assert sorted(recombined(texts, 100, min_words=3)) == [
        "what song yesterday",
        "who wrote the Song won in 1990",
    ]
    assert recombined(texts, 100, min_words=3, max_words=3) == ["what song yesterday"]
    assert recombined(["no", "two words", ""], 5) == recombined([], 5) == []


def test_recombined_texts_are_new_and_as_many_as_wanted(folder: Path) -> None:
    words = ["red", "green", "blue", "cold", "warm"]
    texts = [f"is {a} {b} {c} it" for a in words for b in words for c in words]
    made = recombined(texts[::3], 50, seed=1)
    assert len(set(made)) == len(made) == 50
    assert not {*made} & {*texts[::3]}
    assert all(text.startswith("is ") and text.endswith(" it") for text in made)
    assert made == recombined(texts[::3], 50, seed=1) != recombined(texts[::3], 50, seed=2)
    (folder / "asked.txt").write_text("\n".join(texts[::3]))
    source = DataSource("asked.txt", recombine=50, folder=str(folder))
    assert write_sources([source], Columns(), folder / "out.parquet", seed=1) == 0
    assert _texts(folder / "out.parquet") == [*texts[::3], *made]
    assert "unlabelled" in error(lambda: source.read(LABELLED))


def test_held_out_texts_are_not_recombined(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sparsedistill")
    (folder / "asked.txt").write_text("one red two\nthree red four\nfive red six\n")
    source = DataSource("asked.txt", recombine=50, min_words=3, folder=str(folder))
    held = identities(pa.array(["One red two!", "five red four"], pa.large_string()), None)
    assert write_sources([source], Columns(), folder / "out.parquet", held) == 1
    assert _texts(folder / "out.parquet") == ["three red four", "five red six", "three red six"]
    assert "made 2 texts, not recombine = 50" in caplog.text


def test_held_out_texts_are_left_out_in_every_edition(folder: Path) -> None:
    (folder / "a.txt").write_text("It 's a FILM !\na film\n:)\n")
    (folder / "b.txt").write_text("its a film\nIt’s a film.\n")
    sources = [DataSource(name, folder=str(folder)) for name in ("a.txt", "b.txt")]
    held = identities(pa.array(["it's a film", ":("], pa.large_string()), None)
    out = folder / "out.parquet"
    assert write_sources(sources, Columns(), out, held) == 2
    assert _texts(out) == ["a film", ":)", "its a film"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: DataSource(), "neither a path nor a dataset"),
        (lambda: DataSource("a", limit=0), "limit"),
        (lambda: DataSource("a", recombine=0), "recombine"),
        (lambda: DataSource("a", min_words=9, max_words=8), "9 to 8 words"),
        (lambda: DataSource("a.tsv").read(Columns()), "SPARSEDISTILL_DATA"),
        (lambda: DataSource(dataset=HubDataset("s")).read(Columns(weight="w")), "weights of examples"),
        (lambda: DataSource(dataset=HubDataset("s")).read(SEVERAL), "several labels"),
        (
            lambda: DataSource(dataset=HubDataset("gone")).read(Columns()),
            "gone cannot be loaded (no network)",
        ),
        (lambda: DataSource(dataset=HubDataset("s")).read(Columns()), "no column 'text'"),
        (lambda: DataSource(dataset=HubDataset("s", text="gap")).read(Columns()), "rows without 'gap'"),
        (
            lambda: DataSource(dataset=HubDataset("s", text="other"), where={"other": ("q",)}).read(
                Columns()
            ),
            "no rows that match",
        ),
    ],
)
def test_errors_name_the_source(hub: list[tuple[Any, ...]], source: Any, message: str) -> None:
    assert message in error(source)


def test_a_missing_datasets_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    message = error(lambda: DataSource(dataset=HubDataset("some/set")).read(Columns()))
    assert "some/set" in message
    assert "pip install 'sparsedistill[datasets]'" in message


def sources_of(place: Any) -> list[DataSource]:
    assert all(isinstance(source, DataSource) for source in place)
    return list(place)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_complete(recipe: Path) -> None:
    tables = read_recipe(recipe)
    job = recipe_job(tables, str(recipe))
    assert job.encoder
    assert job.output == Path("distilled", recipe.stem)
    assert tables["report"]["title"]
    sources = [source for place in (job.labelled, job.test) for source in sources_of(place)]
    assert len(sources) >= 2
    pair = job.columns.text_pair is not None
    for source in sources:
        assert source.dataset is None or (source.dataset.text_pair is not None) == pair


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_find_the_local_copies(
    recipe: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARSEDISTILL_DATA", str(shared_data))
    job = recipe_job(read_recipe(recipe), str(recipe))
    table = sources_of(job.test)[0].read(Columns(job.columns.text, job.columns.text_pair, "label"))
    assert len(table) >= 500
    assert len(set(table["label"].to_pylist())) >= 2
    for source in sources_of(job.unlabelled or []):
        names = [source.path] if isinstance(source.path, str) else source.path or ()
        assert all((shared_data / name).exists() for name in names)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('labelled = { path = "a.tsv", wher = {} }', "did you mean 'where'"),
        ('labelled = { path = "a.tsv", dataset = "imdb" }', "table with its id"),
        ('labelled = { dataset = { id = "imdb", splitt = "train" } }', "did you mean 'split'"),
        ('labelled = { path = "a.tsv", where = { kind = "tea" } }', "list of their values to keep"),
        ('labelled = { path = "a.tsv", limit = "ten" }', "limit is 'ten'"),
        ("labelled = [1]", "labelled is [1]"),
    ],
)
def test_errors_name_the_source_in_a_recipe(tmp_path: Path, data: str, message: str) -> None:
    (tmp_path / "r.toml").write_text(f"[data]\n{data}\n")
    with pytest.raises(InputError, match=re.escape(message)):
        recipe_job(read_recipe(tmp_path / "r.toml"))


def test_the_directory_of_local_copies_must_exist(tmp_path: Path) -> None:
    message = error(lambda: recipe_job({"data_dir": str(tmp_path / "no"), "data": {"test": {"path": "a"}}}))
    assert "correct data_dir" in message


def test_not_held_out() -> None:
    texts, seconds = pa.array(["A b!", "c", "d"]), pa.array(["x", "y", "z"])
    held_out = identities(pa.array(["a B", "d"]), None)
    assert not_held_out(texts, None, held_out).tolist() == [1]
    assert not_held_out(texts, None, held_out[:0]).tolist() == [0, 1, 2]
    assert not_held_out(texts, seconds, held_out).tolist() == [0, 1, 2]
    assert not_held_out(texts, seconds, identities(pa.array(["c"]), pa.array(["Y"]))).tolist() == [0, 2]


@pytest.mark.parametrize("pair", [False, True])
def test_texts_are_held_out_by_all_their_words(pair: bool, shared_data: Path) -> None:
    corpus = Corpus(shared_data / "sst2" / "dev.tsv.gz", Columns())
    given = corpus.head(400).texts.to_pylist()
    opening = "The same opening of many texts, longer than what is looked at first. "
    dashes = "-" * 100
    texts = [opening + each for each in given[:60]] + [dashes + each for each in given[:60]]
    texts += [dashes, "... ", ":)", "", *given[:200]]
    held = [opening.upper() + given[1], given[2].upper(), dashes, "!?" + given[3], ":)"]
    seconds = pa.array(texts[::-1]) if pair else None
    others = None
    if seconds is not None:
        held += texts[5:9]
        others = pa.concat_arrays([pa.array(held[4::-1]), seconds[5:9]])
    held_out = identities(pa.array(held), others)
    known = set(held_out.to_pylist())
    every = identities(pa.array(texts), seconds).to_pylist()
    kept = not_held_out(pa.array(texts), seconds, held_out).tolist()
    assert kept == [i for i, words in enumerate(every) if words not in known]
    assert len(kept) < len(texts)


def test_weights_of_labelled_sources_are_kept(folder: Path) -> None:
    (folder / "a.tsv").write_text("text\tlabel\thow much\na\tx\t0.5\nb\ty\t2\nc\tx\t1\n")
    columns = Columns(label="label", weight="how much")
    source = DataSource("a.tsv", folder=str(folder), limit=2)
    out = folder / "out.parquet"
    held = identities(pa.array(["b"], pa.large_string()), None)
    write_sources([DataSource("a.tsv", folder=str(folder))], columns, out, held)
    read = read_labelled(out, Columns(label="label", weight="weight"), ("x", "y"))
    assert read.weights is not None
    assert read.weights.tolist() == [0.5, 1]
    assert len(source.read(columns)) == 2
    assert "unlabelled single texts" in error(lambda: replace(source, split_sentences=True).read(columns))
