"""Makes the page of the server as a static site, which needs no server of its own.

``python javascript/make_site.py SITE [NAME=]STUDENT ...`` writes the page, the package for JavaScript and the
files of compact students to the directory SITE. Any web server can deliver it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec

from sparsedistill import InputError
from sparsedistill._internal.files import atomic_directory
from sparsedistill.model.compact import CompactWeights
from sparsedistill.serve import ServeConfig, parse_sources
from sparsedistill.serve.errors import RequestError
from sparsedistill.serve.models import Models, Target
from sparsedistill.serve.ngrams import first, strongest
from sparsedistill.serve.page import FOLDER, page_files, served_students

PACKAGE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_MOST = 30  # n-grams of a class


def make_site(site: Path, given: list[str]) -> None:
    """Write a site.

    Raises:
        InputError: The directory exists, the package is not built, or a student is not compact.
    """
    if not (PACKAGE / "sparsedistill.wasm").exists():
        raise InputError(f"{PACKAGE / 'sparsedistill.wasm'} does not exist: run make wasm.")
    models = Models(parse_sources(given))
    served = served_students(models.targets, ServeConfig().limits)
    with atomic_directory(site) as folder:
        _write_page(folder)
        for i, student in enumerate(served):
            target = models.targets[student.path]
            student.path = f"students/{i}"
            student.name = student.name or target.name
            _write_student(folder / student.path, target)
        (folder / "students.json").write_bytes(msgspec.json.encode(served))


def _write_page(folder: Path) -> None:
    names = msgspec.json.decode((PACKAGE / "package.json").read_bytes())["files"]
    (folder / "package").mkdir()
    for name in names:
        shutil.copy(PACKAGE / name, folder / "package" / name)
    (folder / FOLDER[1:]).mkdir()
    for path, reply in page_files().items():
        name = "index.html" if path == "/" else path[1:]
        (folder / name).write_bytes(reply.body)
    page = (folder / "index.html").read_text("utf-8")
    policy = f'<meta http-equiv="content-security-policy" content="{_POLICY}">'
    (folder / "index.html").write_text(page.replace("<head>", f"<head>\n    {policy}"), "utf-8")
    shutil.copy(PACKAGE / "site" / "api.js", folder / FOLDER[1:] / "api.js")


def _write_student(folder: Path, target: Target) -> None:
    model = target.model
    if not isinstance(getattr(model, "weights", None), CompactWeights):
        raise InputError(f"{target.name} is not a compact student: compress it, and give the compact one.")
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(target.opened.directory / name, folder / name)
    if target.ranked:
        (folder / "ngrams.json").write_bytes(msgspec.json.encode(first(strongest(target), _MOST)))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("Usage: python javascript/make_site.py SITE [NAME=]STUDENT ...")
    try:
        make_site(Path(sys.argv[1]), sys.argv[2:])
    except InputError as error:
        sys.exit(str(error))
    except RequestError as error:
        sys.exit(error.message)
    sys.stdout.write(f"The site is in {sys.argv[1]}.\n")
