"""Plots: SVG that parses, with everything inside the picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sparsedistill.evaluation.deferral import DeferralCurve
from sparsedistill.evaluation.plots import PlotPoint, ablation_plot, deferral_plot, value_range


def measured(count: int = 1000) -> DeferralCurve:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, count)
    student, teacher = (
        (strength * np.eye(3)[labels] + random.standard_normal((count, 3))).astype(np.float32)
        for strength in (1.5, 3)
    )
    return DeferralCurve.of(student, teacher, labels, problem="single_label")


def elements(picture: str, name: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(picture).iter() if element.tag.endswith(f"}}{name}")]


def test_a_deferral_plot_has_a_curve_and_a_dot_at_the_threshold() -> None:
    curve = measured()
    threshold = float(curve.thresholds[curve.for_retention(0.98)])
    picture = deferral_plot(curve, threshold)
    (line,) = elements(picture, "polyline")
    (dot,) = elements(picture, "circle")
    points = np.array([[float(n) for n in point.split(",")] for point in line.get("points", "").split()])
    assert (np.diff(points[:, 0]) >= 0).all()
    assert ((points >= 0) & (points <= [640, 400])).all()
    share = (float(dot.get("cx", "")) - points[0, 0]) / (points[-1, 0] - points[0, 0])
    assert share == pytest.approx(curve.shares[curve.at(threshold)], abs=0.001)
    assert not elements(deferral_plot(curve), "circle")


def test_a_flat_curve_can_be_plotted() -> None:
    flat = np.zeros((5, 2), np.float32)
    assert elements(deferral_plot(DeferralCurve.of(flat, flat, None, problem="single_label")), "polyline")


def test_an_ablation_plot_escapes_names_and_keeps_whiskers_inside() -> None:
    points = [PlotPoint("<1>", [0.8, 0.9], [0.7]), PlotPoint("2 & more", [0.6], [0.65, 0.95], own=True)]
    low, high = value_range(points)
    assert low == pytest.approx(0.8 - np.std([0.65, 0.95], ddof=1))
    assert high == pytest.approx(0.8 + np.std([0.65, 0.95], ddof=1))
    picture = ablation_plot("A < B", "setting", points)
    words = [element.text for element in elements(picture, "text")]
    assert {"A < B", "<1>", "2 & more", "recipe"} <= set(words)
    heights = [float(circle.get("cy", "")) for circle in elements(picture, "circle")]
    assert len(heights) == 2 * 2 + 2  # and two in the legend
    assert min(heights) > 0
    assert max(heights) < 400
    wider = ablation_plot("A < B", "setting", points, limits=(0.0, 1.0))
    assert wider != picture
    assert len(elements(ablation_plot("A", "setting", points, joined=False), "polyline")) == 0
