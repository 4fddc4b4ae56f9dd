"""``compress`` to a number of n-grams, a size, or a loss."""

from __future__ import annotations

from pathlib import Path

from support.commands import Run
from support.rows import reviews
from support.students import uneven

from sparsedistill import Student


def test_the_command_shows_and_draws_the_sizes(run: Run, shared_data: Path, tmp_path: Path) -> None:
    sentences = [text[:200] for text in reviews(shared_data, 1500)]
    student = uneven(sentences)
    student.save_pretrained(tmp_path / "student")
    rows = zip(sentences, student.predict(sentences).tolist(), strict=True)
    (tmp_path / "labelled.tsv").write_text("text\tlabel\n" + "".join(f"{a}\t{b}\n" for a, b in rows))
    arguments = (tmp_path / "student", tmp_path / "labelled.tsv", "--agreement", "0.9", "--change", "0.1")
    plot = ("--plot", tmp_path / "sizes.svg")
    code, _, err = run("compress", *arguments, "--accuracy-loss", "5", *plot, "-o", tmp_path / "small")
    assert code == 0, err
    assert "n-grams" in err
    small = Student.from_pretrained(tmp_path / "small")
    assert len(small.vocabulary) < len(student.vocabulary)
    assert (small.predict(sentences) == student.predict(sentences)).mean() >= 0.94
    assert (tmp_path / "sizes.svg").read_text().startswith("<svg")
    for wrong, message in (
        (("--rows", "5", "--size", "1KB"), "exclude each other"),
        (plot, "--plot draws the sizes"),
        (("--size", "large"), "'large' is not a size"),
    ):
        code, _, err = run("compress", *arguments, *wrong, "-o", tmp_path / "x")
        assert (code, message in err) == (2, True), err
