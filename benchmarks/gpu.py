"""Texts a second on a GPU: a student there, one on the cores beside it, and RoBERTa-Large's architecture.

RoBERTa-Large has drawn weights and reads drawn token ids, each text 300 of them, at the batch size that
serves it best: tokenising, copying and padding, which it would need too, are not counted. The students
read raw text, and give back probabilities. Where there is no GPU, the same code runs on the processor and
the title says so.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch
from _report import arguments, interleave, rates, report
from _students import make_student
from _texts import add_texts, read_texts
from transformers import RobertaConfig, RobertaForSequenceClassification

from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill._internal.texts import all_threads
from sparsedistill.device import DeviceStudent

TOKENS = 300


class RobertaLarge:
    """Its architecture, with two classes and drawn weights, on a device."""

    def __init__(self, device: torch.device) -> None:
        config = RobertaConfig(
            vocab_size=50_265,
            hidden_size=1024,
            num_hidden_layers=24,
            num_attention_heads=16,
            intermediate_size=4096,
            max_position_embeddings=514,
            type_vocab_size=1,
            num_labels=2,
            attn_implementation="sdpa",
        )
        torch.manual_seed(0)
        self.device = device
        dtype = torch.float16 if device.type == "cuda" else torch.float32
        self.name = f"RoBERTa-Large on {device.type}, {str(dtype).removeprefix('torch.')}"
        with torch.device(device):
            self.network = RobertaForSequenceClassification(config).to(dtype).eval()

    @torch.inference_mode()
    def __call__(self, ids: torch.Tensor) -> np.ndarray:
        # No mask, as nothing is padded: attention may take its fastest path.
        return self.network(input_ids=ids).logits.float().softmax(dim=1).cpu().numpy()

    def draw(self, texts: int) -> torch.Tensor:
        """Ids of `texts` texts, none of them padding."""
        return torch.randint(3, 50_265, (texts, TOKENS), device=self.device)

    def best_batch(self, largest: int) -> int:
        """The batch size, of the powers of two up to `largest` that fit, that takes the least time a text."""
        best, least = 1, float("inf")
        size = 1
        while size <= largest:
            ids = self.draw(size)
            try:
                if not np.isfinite(self(ids)).all():
                    raise SystemExit("RoBERTa-Large's answers are no numbers.")
                begin = perf_counter()
                for _ in range(rounds := max(1, 256 // size if self.device.type == "cuda" else 1)):
                    self(ids)
            except torch.OutOfMemoryError:
                break
            seconds = (perf_counter() - begin) / (rounds * size)
            print(f"  batch {size:,}: {1 / seconds:,.4g} texts/s")
            if seconds < least:
                best, least = size, seconds
            size *= 2
        torch.cuda.empty_cache()
        return best


def check(moved: DeviceStudent, student: Student, texts: list[str]) -> None:
    """Stop where the device does not give the processor's answers."""
    found, expected = moved.score(texts), student.score(texts)
    difference = np.abs(found.probabilities - expected.probabilities).max()
    if not difference <= 1e-3 or (found.coverage != expected.coverage).any():
        raise SystemExit(f"The answers of {moved!r} differ by {difference}: it computes something else.")
    print(f"{moved!r}: probabilities differ by at most {difference:.1e} from the processor's")


def options(on_gpu: bool) -> Namespace:
    parser = arguments(__doc__.split("\n")[0], rounds=5 if on_gpu else 2)
    add_texts(parser, "train", "unlabeled")

    def number(name: str, default: int, what: str) -> None:
        parser.add_argument(name, type=int, default=default, help=f"{what} (default: %(default)s)")

    parser.add_argument("--dims", type=int, nargs="+", default=[64, 256], help="embedding dimensions")
    number("--count", 50_000 if on_gpu else 5_000, "texts for students, the last ones of the files")
    number("--roberta-texts", 4096 if on_gpu else 2, "texts for RoBERTa-Large")
    number("--largest-batch", 1024 if on_gpu else 2, "largest batch tried for RoBERTa-Large")
    return parser.parse_args()


def main() -> None:
    on_gpu = torch.cuda.is_available()
    given = options(on_gpu)
    device = torch.device("cuda" if on_gpu else "cpu")
    machine = f"{torch.cuda.get_device_name() if on_gpu else 'no GPU'}, {all_threads(None)} threads"
    if not on_gpu:
        print("There is no GPU here: what follows is the same code on the processor, and no figure of a GPU.")

    corpus = read_texts(given.texts)
    vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=1_000_000))
    texts = corpus[-given.count :]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{machine}; {len(texts):,} texts, {megabytes:.1f} MB; {len(vocabulary):,} n-grams")

    roberta = RobertaLarge(device)
    print(f"{roberta.name}, {TOKENS} tokens a text:")
    batch = roberta.best_batch(given.largest_batch)
    ids = roberta.draw(given.roberta_texts)
    base = f"{roberta.name}, batch {batch}"

    engines: dict[str, Callable[[], object]] = {base: lambda: [roberta(part) for part in ids.split(batch)]}
    for dim in given.dims:
        student = make_student(vocabulary, dim)
        moved = student.to(device.type)
        check(moved, student, texts)
        engines[f"student on {device.type} by torch, dim {dim}"] = lambda m=moved: m.predict_proba(texts)
        engines[f"student on the cores, dim {dim}"] = lambda s=student: s.predict_proba(texts)
    engines["n-gram rows alone, on the cores"] = lambda: [
        vocabulary.extract(texts[begin : begin + 5000]) for begin in range(0, len(texts), 5000)
    ]

    seconds = interleave(engines, given.rounds)
    counts = {engine: len(ids) if engine == base else len(texts) for engine in engines}
    a_text = {engine: [one / counts[engine] for one in rounds] for engine, rounds in seconds.items()}
    title = f"Raw text to probabilities; {machine}"
    if not on_gpu:
        title += "; no measurement of a GPU: all of it ran on the processor"
    report(title, rates(a_text, 1, "texts/s", base), given.json)


if __name__ == "__main__":
    main()
