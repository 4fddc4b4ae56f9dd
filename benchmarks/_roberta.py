"""RoBERTa-Large with random weights: its speed does not depend on them."""

from __future__ import annotations

from typing import Any

import torch
from transformers import RobertaConfig, RobertaForSequenceClassification

VOCABULARY_SIZE = 50_265
_SETTINGS: dict[str, Any] = {
    "vocab_size": VOCABULARY_SIZE,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}


def roberta_large(attention: str) -> Any:
    """Return the model for two classes, in evaluation mode, on the current default device.

    Args:
        attention: transformers' implementation of attention: ``"sdpa"`` or ``"eager"``.
    """
    torch.manual_seed(0)
    settings = {**_SETTINGS, "attn_implementation": attention}
    config = RobertaConfig(**settings)
    model: Any = RobertaForSequenceClassification(config)
    parameters = sum(weight.numel() for weight in model.parameters())
    if not 350e6 < parameters < 360e6:
        raise SystemExit(
            f"The model has {parameters:,} parameters, RoBERTa-Large has 355 M: check the settings."
        )
    return model.eval()
