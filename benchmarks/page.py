"""Milliseconds from a key to its answer on the page of the server, in Chromium on the same machine.

A compact student with random weights over the n-grams of tweets is served with one process. Tweets are typed
into the page word by word; a time ends when the page shows the answer.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from _report import Measurement, make_parser, report
from _served import TWEETS, make_student, running
from _texts import read_texts
from playwright.sync_api import Page, sync_playwright

from sparsedistill import Student

PAUSE = 100
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WATCH = """() => {
  let pressed = null;
  window.times = [];
  document.getElementById('text').addEventListener('keydown', event => { pressed = event.timeStamp; });
  new MutationObserver(() => {
    if (pressed !== null) { window.times.push(performance.now() - pressed); pressed = null; }
  }).observe(document.querySelector('article'), { subtree: true, childList: true, characterData: true });
}"""


def answer_times(page: Page, text: str, student: Student) -> list[float]:
    """Type a text and check the last answer.

    Returns:
        Milliseconds from a key until the next answer is shown, at least one for each word.
    """
    page.evaluate("window.times = []")
    field = page.get_by_role("textbox", name="Text", exact=True)
    field.fill("")
    page.wait_for_timeout(PAUSE)
    for count, word in enumerate(text.split(), start=1):
        field.press_sequentially(f"{word} ", delay=60)
        page.wait_for_function("count => window.times.length >= count", arg=count)
        page.wait_for_timeout(PAUSE)
    label = str(student([text])[0]["label"])
    assert page.locator("article .headline").inner_text().startswith(label)
    return list(page.evaluate("window.times"))


def main() -> None:
    parser = make_parser(__doc__ or "", rounds=20)
    parser.add_argument("--texts", nargs="+", default=[str(TWEETS)], help="files of short texts")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise SystemExit("There is no Chromium: make browser installs it with apt-get.")
    texts = read_texts(options.texts)[:5000]
    times: list[float] = []
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        directory = make_student(Path(folder), texts)
        student = Student.from_pretrained(directory)
        serve = ("-m", "sparsedistill", "serve", str(directory), "--port", "0", "--threads", "1")
        with running(*serve) as (port, _):
            launched = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            page = launched.new_page()
            page.goto(f"http://127.0.0.1:{port}")
            page.locator("article").wait_for()
            page.evaluate(_WATCH)
            for text in texts[: options.rounds]:
                times += answer_times(page, text, student)
            launched.close()
    report(
        f"Typing {options.rounds} tweets into the page: from a key to its answer",
        [
            Measurement("median", median(times), "ms", min(times), max(times)),
            Measurement("90 % of the keys", quantiles(times, n=10)[-1], "ms"),
        ],
        options.json,
    )


if __name__ == "__main__":
    main()
