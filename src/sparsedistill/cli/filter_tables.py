"""The report of a filter on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..filtering.distribution import ScoreSummary
from ..filtering.report import FilterReport

_MOST_SOURCES = 20  # in the terminal; the file has all
_BAR = 30  # characters
_SHOWN = ("0.05", "0.25", "0.5", "0.75", "0.95")  # quantiles


def filter_report(report: FilterReport) -> RenderableType:
    """What was kept, the scores, the sources, and texts near the threshold."""
    total = report.total
    parts: list[RenderableType] = [
        Text(f"Kept {total.kept:,} of {total.texts:,} texts ({total.share:.2%}), {_rule(report)}."),
        "",
        _histogram(report),
    ]
    rows = [("all", total)]
    shown = list(report.sources.items())[:_MOST_SOURCES]
    rows += [(name or "(none)", summary) for name, summary in shown]
    parts.append(_scores(report, rows))
    if len(report.sources) > len(shown):
        parts.append(Text(f"{len(report.sources) - len(shown)} more sources are in the file of --report."))
    for kept, title in ((True, "Kept, nearest to"), (False, "Not kept, nearest to")):
        heading = Text(f"{title} {report.by} {report.threshold:.4g}")
        examples = Table(title=heading, title_justify="left", expand=True)
        examples.add_column(Text(report.by), justify="right")
        examples.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
        for example in report.examples:
            if example.kept == kept:
                examples.add_row(f"{example.score:.4f}", Text(example.text))
        if examples.row_count:
            parts.append(examples)
    return Group(*parts)


def _rule(report: FilterReport) -> str:
    if report.keep is not None:
        return f"those with {report.keep}"
    where = f" found in {report.sample:,} texts" if report.sample is not None else ""
    share = f"{report.threshold:.6g}, the threshold of {report.share:.6g}{where}"
    return f"those whose {report.by} is at least {share}"


def _histogram(report: FilterReport) -> Table:
    table = Table(title=Text(f"Texts by {report.by}"), title_justify="left")
    table.add_column("from", justify="right")
    table.add_column("texts", justify="right")
    table.add_column("")
    most = max(report.total.histogram) or 1
    for edge, count in zip(report.edges, report.total.histogram, strict=False):
        table.add_row(f"{edge:g}", f"{count:,}", "█" * round(_BAR * count / most))
    return table


def _scores(report: FilterReport, rows: Sequence[tuple[str, ScoreSummary]]) -> Table:
    title = f"{report.by}: quantiles" + ("" if report.by_source is None else f" by {report.by_source}")
    table = Table(title=Text(title), title_justify="left")
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=30)
    for name in ("texts", "kept", *(f"{float(quantile):.0%}" for quantile in _SHOWN)):
        table.add_column(name, justify="right")
    for name, summary in rows:
        quantiles = [f"{summary.quantiles[quantile]:.3f}" if summary.texts else "" for quantile in _SHOWN]
        table.add_row(Text(name), f"{summary.texts:,}", f"{summary.share:.1%}", *quantiles)
    return table
