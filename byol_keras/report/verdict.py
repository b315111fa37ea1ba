"""The head of the page: the verdict in words, and what it rests on as bars."""

from ..evaluation import Row
from .markup import Html, command, tag
from .summary import Comparison, Summary
from .wording import between, judge_name, percent, representation_name

__all__ = ["accuracy_bar", "verdict_panel"]

SIGNS = {"good": "✓", "unsure": "!", "bad": "✕"}


def verdict_panel(summary: Summary) -> Html:
    """Headline, paragraph, advice, and the comparison where there is one."""
    advice = [tag("li", sentence, command(line) if line else "") for sentence, line in summary.advice]
    words = tag(
        "div",
        tag("h2", tag("span", SIGNS[summary.state], aria_hidden="true"), summary.headline),
        *(tag("p", paragraph) for paragraph in summary.paragraphs),
        tag("ul", *advice) if advice else Html(),
    )
    compared = summary.comparison is not None and bool(summary.comparison.baselines)
    bars = _bars(summary.comparison) if compared else Html()
    return tag("div", words, bars, class_=f"verdict {summary.state}" + " compared" * compared)


def _bars(comparison: Comparison) -> Html:
    items = []
    for row in (comparison.trained, *comparison.baselines):
        kind = "first" if row is comparison.trained else None
        name = representation_name(row.representation)
        items += [tag("dt", tag("span", name), tag("span", percent(row.accuracy)), class_=kind)]
        items += [tag("dd", accuracy_bar(row))]
    title = f"Right answers by {judge_name(comparison.judge)}, with 95% intervals"
    return tag("div", tag("h3", title), tag("dl", *items), class_="bars")


def accuracy_bar(row: Row) -> Html:
    """A bar from 0 to 100% with a line for the interval."""
    low, value, high = (round(100 * share, 2) for share in (row.low, row.accuracy, row.high))
    return tag(
        "span",
        tag("i", style=f"width:{value}%"),
        tag("u", style=f"left:{low}%;width:{round(high - low, 2)}%"),
        class_="range",
        role="img",
        aria_label=f"{percent(row.accuracy)}, 95% interval {between(row)}",
    )
