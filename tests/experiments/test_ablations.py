"""The plan of ablations: each varies one setting and marks the recipe's own."""

from __future__ import annotations

import pytest

from sparsedistill.experiments.ablations import MOST_ROWS, Ablation, plan
from sparsedistill.pipeline.config import DistillationConfig, StudentConfig
from sparsedistill.vocabulary.config import CountingConfig, TokenizerConfig

CONFIG = DistillationConfig(
    tokenizer=TokenizerConfig(max_ngram=5),
    counting=CountingConfig(max_rows=200_000),
    student=StudentConfig(dim=48),
)


def planned(
    config: DistillationConfig = CONFIG, ngrams: int = 900_000, **options: bool
) -> dict[str, Ablation]:
    found = plan(config, ("labels", "both"), ngrams=ngrams, **{"unlabelled": True, **options})
    return {ablation.name: ablation for ablation in found}


def labels(ablation: Ablation) -> list[str]:
    return [("*" if variant.own else "") + variant.label for variant in ablation.variants]


def test_each_ablation_varies_one_setting_and_contains_the_recipes_own() -> None:
    found = planned()
    assert labels(found["order"]) == ["1", "2", "3", "4", "*5"]
    assert labels(found["dim"]) == ["16", "32", "*48", "64", "128", "256", "512", "1000"]
    assert labels(found["share"]) == ["0 %", "10 %", "25 %", "50 %", "*100 %"]
    assert labels(found["pooling"])[:3] == ["*mean", "max", "sum"]
    assert labels(found["training"]) == ["labels", "*both"]
    for ablation in found.values():
        for variant in ablation.variants:
            differs = [
                variant.config != CONFIG,
                variant.share != 1,
                variant.pooling != "mean",
                variant.kind != "both",
            ]
            assert sum(differs) == (not variant.own)


@pytest.mark.parametrize(
    ("limit", "ngrams", "expected"),
    [
        (200_000, 900_000, ["10,000", "30,000", "100,000", "*200,000", "300,000", "900,000 (all)"]),
        (1_000_000, 105_652, ["10,000", "30,000", "*105,652 (all)"]),
        (1_000_000, 40, ["*40 (all)"]),
        (5_000_000, MOST_ROWS, ["10,000", "30,000", "100,000", "300,000", "1,000,000", "*5,000,000"]),
    ],
)
def test_rows_are_at_most_the_ngrams_of_the_corpus(limit: int, ngrams: int, expected: list[str]) -> None:
    config = DistillationConfig(counting=CountingConfig(max_rows=limit))
    assert labels(planned(config, ngrams)["rows"]) == expected


def test_shares_need_unlabelled_texts() -> None:
    assert "share" not in planned(unlabelled=False)
