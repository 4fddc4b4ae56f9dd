"""Speed on a GPU: students on the GPU and on the CPU, against RoBERTa-Large.

RoBERTa-Large has random weights and reads random token ids, 300 per text, in batches of the size that is
fastest: tokenising, copying and padding are not timed. The students read raw text and return probabilities.
Without a GPU, the same code runs on the CPU, and the title says so.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np
import torch
from _report import interleave, make_parser, rates, report
from _roberta import VOCABULARY_SIZE, roberta_large
from _students import random_student
from _texts import add_texts_option, read_texts
from numpy.typing import NDArray

from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill._internal.threads import all_threads
from sparsedistill.device import DeviceStudent

TOKENS = 300  # per text


class RobertaLarge:
    """RoBERTa-Large with random weights and two classes, on a device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.name = f"RoBERTa-Large on {device.type}, {str(dtype).removeprefix('torch.')}"
        with torch.device(device):
            self.network = roberta_large("sdpa").to(dtype)

    @torch.inference_mode()
    def __call__(self, ids: torch.Tensor) -> NDArray[np.float32]:
        """Return probabilities (n, 2) for token ids (n, tokens)."""
        # Nothing is padded, so no mask is passed: attention may choose its fastest implementation.
        logits: torch.Tensor = self.network(input_ids=ids).logits
        probabilities: NDArray[np.float32] = logits.float().softmax(dim=1).cpu().numpy()
        return probabilities

    def random_ids(self, texts: int) -> torch.Tensor:
        """Return random token ids (texts, 300) without padding."""
        return torch.randint(3, VOCABULARY_SIZE, (texts, TOKENS), device=self.device)

    def best_batch_size(self, largest: int) -> int:
        """Return the fastest batch size per text, of the powers of two up to `largest` that fit in memory."""
        best, least = 1, float("inf")
        size = 1
        while size <= largest:
            ids = self.random_ids(size)
            try:
                if not np.isfinite(self(ids)).all():
                    raise SystemExit("RoBERTa-Large returned values that are not finite.")
                begin = perf_counter()
                for _ in range(rounds := max(1, 256 // size if self.device.type == "cuda" else 1)):
                    self(ids)
            except torch.OutOfMemoryError:
                break
            seconds = (perf_counter() - begin) / (rounds * size)
            print(f"  batch size {size:,}: {1 / seconds:,.4g} texts/s")
            if seconds < least:
                best, least = size, seconds
            size *= 2
        torch.cuda.empty_cache()
        return best


def check(moved: DeviceStudent, student: Student, texts: list[str]) -> None:
    """Compare the probabilities on the device with those on the CPU.

    Raises:
        SystemExit: They differ by more than 0.001, or the coverage differs.
    """
    found, expected = moved.score(texts), student.score(texts)
    difference = np.abs(found.probabilities - expected.probabilities).max()
    if not difference <= 1e-3 or (found.coverage != expected.coverage).any():
        raise SystemExit(f"The probabilities of {moved!r} differ from the CPU's by {difference}.")
    print(f"{moved!r}: probabilities differ from the CPU's by at most {difference:.1e}")


def options(on_gpu: bool) -> Namespace:
    parser = make_parser(__doc__, rounds=5 if on_gpu else 2)
    add_texts_option(parser, "train", "unlabeled")

    def number(name: str, default: int, text: str) -> None:
        parser.add_argument(name, type=int, default=default, help=f"{text} (default: %(default)s)")

    parser.add_argument(
        "--dims", type=int, nargs="+", default=[64, 256], help="embedding dimensions (default: 64 256)"
    )
    number("--count", 50_000 if on_gpu else 5_000, "texts for students, from the end of the files")
    number("--roberta-texts", 4096 if on_gpu else 2, "texts for RoBERTa-Large")
    number("--largest-batch", 1024 if on_gpu else 2, "largest batch size to try for RoBERTa-Large")
    return parser.parse_args()


def main() -> None:
    on_gpu = torch.cuda.is_available()
    given = options(on_gpu)
    device = torch.device("cuda" if on_gpu else "cpu")
    machine = f"{torch.cuda.get_device_name() if on_gpu else 'no GPU'}, {all_threads(None)} threads"
    if not on_gpu:
        print("No GPU was found: the same code runs on the CPU, and the figures are not those of a GPU.")

    corpus = read_texts(given.texts)
    vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=1_000_000))
    texts = corpus[-given.count :]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{machine}; {len(texts):,} texts, {megabytes:.1f} MB; {len(vocabulary):,} n-grams")

    roberta = RobertaLarge(device)
    print(f"{roberta.name}, {TOKENS} tokens per text:")
    batch_size = roberta.best_batch_size(given.largest_batch)
    ids = roberta.random_ids(given.roberta_texts)
    batches = torch.split(ids, batch_size)
    base = f"{roberta.name}, batch size {batch_size}"

    engines: dict[str, Callable[[], object]] = {base: lambda: [roberta(batch) for batch in batches]}
    for dim in given.dims:
        student = random_student(vocabulary, dim)
        moved = student.to(device.type)
        check(moved, student, texts)
        engines[f"student on {device.type} by torch, dim {dim}"] = partial(moved.predict_proba, texts)
        engines[f"student on the CPU, dim {dim}"] = partial(student.predict_proba, texts)
    engines["n-gram rows only, on the CPU"] = lambda: [
        vocabulary.extract(texts[begin : begin + 5000]) for begin in range(0, len(texts), 5000)
    ]

    seconds = interleave(engines, given.rounds)
    counts = {engine: len(ids) if engine == base else len(texts) for engine in engines}
    per_text = {engine: [one / counts[engine] for one in rounds] for engine, rounds in seconds.items()}
    title = f"Raw text to probabilities; {machine}"
    if not on_gpu:
        title += "; not a GPU measurement: everything ran on the CPU"
    report(title, rates(per_text, 1, "texts/s", base), given.json)


if __name__ == "__main__":
    main()
