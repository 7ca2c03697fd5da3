"""Accuracy against bytes of all rows of a comparison, as one picture (SVG).

A dot is the median over the seeds, the bar through it their range; open dots lose more than the
margin allows. A line joins what no other row of the same tool beats in both.
"""

import dataclasses
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

_COLOURS = ("#1a73e8", "#e8710a", "#188038", "#9334e6")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 860, 520, 70, 60, 20, 30
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" \
font-family="sans-serif" font-size="13" role="img">
<title>{{ title }}</title>
<rect width="{{ width }}" height="{{ height }}" fill="#fff"/>
{% for x, words in across %}<path d="M{{ x }} {{ top }}V{{ floor }}" stroke="#eee"/>
<text x="{{ x }}" y="{{ floor + 20 }}" text-anchor="middle">{{ words }}</text>
{% endfor %}
{% for y, words in up %}<path d="M{{ left }} {{ y }}H{{ right }}" stroke="#eee"/>
<text x="{{ left - 8 }}" y="{{ y + 4 }}" text-anchor="end">{{ words }}</text>
{% endfor %}
<path d="M{{ left }} {{ baseline }}H{{ right }}" stroke="#5f6368" stroke-dasharray="4 4"/>
<text x="{{ right }}" y="{{ baseline - 6 }}" text-anchor="end" fill="#5f6368">float32</text>
<text x="{{ (left + right) / 2 }}" y="{{ floor + 44 }}" text-anchor="middle">packed bytes</text>
{% for tool in tools %}
<path d="{{ tool.line }}" fill="none" stroke="{{ tool.colour }}" stroke-opacity=".4"/>
{% for dot in tool.dots %}<g stroke="{{ tool.colour }}"><title>{{ dot.name }}</title>
<path d="M{{ dot.x }} {{ dot.high }}V{{ dot.low }}"/>
<circle cx="{{ dot.x }}" cy="{{ dot.y }}" r="5" \
fill="{{ tool.colour if dot.keeps else '#fff' }}"/></g>
{% endfor %}
<circle cx="{{ left + 14 }}" cy="{{ floor - 14 - 20 * loop.revindex0 }}" r="5" \
fill="{{ tool.colour }}"/>
<text x="{{ left + 26 }}" y="{{ floor - 10 - 20 * loop.revindex0 }}">{{ tool.name }}</text>
{% endfor %}
</svg>
"""


@dataclasses.dataclass(frozen=True)
class Dot:
    """A row of the comparison over its seeds.

    Attributes:
        name: of the row.
        tool: that made it.
        bytes: packed, the median.
        accuracies: of each seed.
        keeps: whether it loses no more than the margin.
    """

    name: str
    tool: str
    bytes: float
    accuracies: tuple[float, ...]
    keeps: bool

    @property
    def accuracy(self) -> float:
        """The median."""
        return statistics.median(self.accuracies)


def dot(name: str, runs: Sequence[Mapping[str, Any]], keeps: bool) -> Dot:
    """Of the runs of a row, none of which failed; its name begins with the tool's."""
    accuracies = tuple(run["accuracy"] for run in runs)
    tool = re.split("[:_]", name)[0]
    return Dot(
        name, tool, statistics.median(run["packed_bytes"] for run in runs), accuracies, keeps
    )


def front(dots: Sequence[Dot]) -> list[Dot]:
    """Those that none of the others is better than in one and as good in the other, by bytes."""
    found: list[Dot] = []
    for each in sorted(dots, key=lambda each: (each.bytes, -each.accuracy)):
        if not found or each.accuracy > found[-1].accuracy:
            found.append(each)
    return found


def draw(dots: Sequence[Dot], baseline: float, title: str) -> str:
    """The picture.

    Args:
        dots: at least one.
        baseline: accuracy of the float model.
        title: what was compared.
    """
    seen = [value for each in dots for value in each.accuracies] + [baseline]
    low, high = math.floor(min(seen) * 200) / 200, math.ceil(max(seen) * 200) / 200
    sizes = [each.bytes for each in dots]
    first, last = math.log(min(sizes)) - 0.1, math.log(max(sizes)) + 0.1
    floor, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT

    def x(size: float) -> float:
        return round(_LEFT + (math.log(size) - first) / (last - first) * (right - _LEFT), 1)

    def y(accuracy: float) -> float:
        return round(floor - (accuracy - low) / (high - low) * (floor - _TOP), 1)

    def tool(name: str, colour: str) -> dict[str, Any]:
        members = [each for each in dots if each.tool == name]
        places = [f"{x(each.bytes)} {y(each.accuracy)}" for each in front(members)]
        marks = [
            {
                "name": f"{each.name}: {each.accuracy:.2%}, {each.bytes:,.0f} bytes",
                "x": x(each.bytes),
                "y": y(each.accuracy),
                "low": y(min(each.accuracies)),
                "high": y(max(each.accuracies)),
                "keeps": each.keeps,
            }
            for each in members
        ]
        return {"name": name, "colour": colour, "line": "M" + "L".join(places), "dots": marks}

    tools = list(dict.fromkeys(each.tool for each in dots))
    return (
        jinja2.Environment(autoescape=True)
        .from_string(_TEMPLATE)
        .render(
            width=_WIDTH,
            height=_HEIGHT,
            left=_LEFT,
            right=right,
            top=_TOP,
            floor=floor,
            title=title,
            baseline=y(baseline),
            across=[
                (x(size), f"{size:,}") for size in _round_sizes(math.exp(first), math.exp(last))
            ],
            up=[(y(value), f"{value:.1%}") for value in _steps(low, high)],
            tools=[tool(name, _COLOURS[i % len(_COLOURS)]) for i, name in enumerate(tools)],
        )
    )


def _round_sizes(least: float, most: float) -> list[int]:
    """1, 2 and 5 times powers of ten between the two."""
    sizes = [part * 10**power for power in range(1, 9) for part in (1, 2, 5)]
    return [size for size in sizes if least <= size <= most]


def _steps(low: float, high: float) -> list[float]:
    """Half points, or whole ones where those would be too many."""
    step = 0.005 if high - low <= 0.04 else 0.01
    return [low + step * number for number in range(round((high - low) / step) + 1)]
