"""Arithmetic of half-open spans of time: sorted, apart from each other, none empty. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

__all__ = ["Span", "clip", "join", "overlaps", "subtract", "total_s"]


class Span(NamedTuple):
    """From a moment up to, but without, another one."""

    start: datetime
    end: datetime


def overlaps(one: Span, other: Span) -> bool:
    """Tell whether two spans share a moment."""
    return one.start < other.end and other.start < one.end


def join(spans: Iterable[Span]) -> list[Span]:
    """Return the same moments as sorted spans that neither overlap nor touch."""
    joined: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def clip(spans: Iterable[Span], within: Span) -> list[Span]:
    """Return what of the spans lies within another one."""
    cut = (Span(max(span.start, within.start), min(span.end, within.end)) for span in spans)
    return [span for span in cut if span.start < span.end]


def subtract(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return the moments of the spans that are in none of those taken."""
    left: list[Span] = []
    holes = join(taken)
    for span in join(spans):
        start = span.start
        for hole in holes:
            if hole.end <= start or hole.start >= span.end:
                continue
            if hole.start > start:
                left.append(Span(start, hole.start))
            start = max(start, hole.end)
        if start < span.end:
            left.append(Span(start, span.end))
    return left


def total_s(spans: Sequence[Span]) -> int:
    """Return how many whole seconds spans last together; they must not overlap."""
    return int(sum((span.end - span.start).total_seconds() for span in spans))
