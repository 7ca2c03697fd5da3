"""`pareto.html`: every recipe that was tried, as a page that opens anywhere without a network.

A dot is a recipe; pointing at one shows it, a click copies the command that repeats it.
"""

import html
import shlex
from collections.abc import Sequence
from typing import Any

from tfedge import plain_text
from tfedge.release.gate import check
from tfedge.search import advice, front, goals
from tfedge.search.trial import Trial

_GREY, _BLUE, _GREEN, _RED = "#9aa0a6", "#1a73e8", "#188038", "#c5221f"
_FAR = -4.0  # margins beyond what is accepted
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>recipes tried</title>
<style>body {{ font: 15px/1.5 sans-serif; margin: 2em; }} p {{ max-width: 60em; }}</style>
</head><body>
{said}
{plot}
</body></html>
"""
_WIDEST = 70  # characters of a line beside a dot
_COPYING = """
const page = document.getElementById('{plot_id}');
const line = document.createElement('pre');
line.style = 'white-space:pre-wrap;font:13px monospace';
line.textContent = 'Click a dot: the command that repeats it appears here and is copied.';
page.after(line);
page.on('plotly_click', event => {
  const command = event.points[0].customdata[0];
  if (!command) return;
  line.textContent = command;
  if (navigator.clipboard) navigator.clipboard.writeText(command);
});
"""


def render(trials: Sequence[Trial], goal: str, winner: Trial | None, command: str) -> bytes:
    """The page, as UTF-8.

    Args:
        trials: all.
        goal: what was made small.
        winner: what is released; None for none yet.
        command: that released a recipe of this search, without --recipe, --export and --output_dir.
    """
    from plotly import graph_objects

    known = front.measured(trials, goal)
    on_front = front.of(trials, goal)
    figure = graph_objects.Figure()
    groups = (
        ("would not pass", [each for each in known if not each.is_feasible], (_GREY, 7)),
        ("would pass", [each for each in known if each.is_feasible], (_BLUE, 8)),
        ("released", [winner] if winner else [], (_GREEN, 16)),
    )
    for name, members, (colour, size) in groups:
        if members:
            dots = _dots(members, goal, command)
            dots.update(name=name, marker={"color": colour, "size": size})
            figure.add_trace(dots)
    figure.add_trace(
        graph_objects.Scatter(
            x=[each.figures[goal] for each in on_front],
            y=[each.metric for each in on_front],
            mode="lines",
            line={"color": _BLUE, "width": 1, "shape": "hv"},
            name="front",
            hoverinfo="skip",
        )
    )
    if known:
        figure.add_hline(known[0].baseline, line={"color": _RED, "dash": "dot", "width": 1})
    figure.update_layout(
        xaxis={"title": f"{goal} ({goals.GOALS[goal].unit})", "type": "log"},
        yaxis={"title": _measured(known), "range": _range(known)},
        template="plotly_white",
        height=640,
        margin={"t": 20},
    )
    plot = figure.to_html(include_plotlyjs=True, full_html=False, post_script=_COPYING)
    said = [f"{len(trials)} recipes tried.", *advice.sentences(trials, goal, winner)]
    return plain_text.printable(_PAGE.format(said=_paragraphs(said), plot=plot)).encode()


def _measured(known: Sequence[Trial]) -> str:
    name = check.spoken(known[0].measure) if known else "Metric"
    return f"{name} on validation; dotted: the input model"


def _range(known: Sequence[Trial]) -> tuple[float, float] | None:
    """Of the metric, of what is worth a look; a double click on the plot shows the others."""
    near = [each for each in known if each.slack > _FAR] or known
    values = [value for each in near for value in (each.metric, each.baseline) if value is not None]
    if not values:
        return None
    room = max(values) - min(values) or abs(max(values)) or 1.0
    return min(values) - 0.1 * room, max(values) + 0.1 * room


def _paragraphs(said: Sequence[str]) -> str:
    return "\n".join(f"<p>{html.escape(each)}</p>" for each in said)


def repeat(trial: Trial, command: str) -> str:
    """The command that makes the same file again."""
    given = f"--recipe={trial.recipe}", f"--export={trial.export}", "--output_dir=out/again"
    return f"{command} {shlex.join(given)}"


def _dots(members: Sequence[Trial], goal: str, command: str) -> Any:
    from plotly import graph_objects

    return graph_objects.Scatter(
        x=[each.figures[goal] for each in members],
        y=[each.metric for each in members],
        mode="markers",
        customdata=[[repeat(each, command), _told(each)] for each in members],
        hovertemplate="%{x:,.6~g}, %{y:.4f}<br>%{customdata[1]}<extra></extra>",
    )


def _told(trial: Trial) -> str:
    """The recipe in lines, and what stands against it; names come from users' files."""
    lines, line = [], ""
    for part in (trial.recipe or "nothing but the export").split(", "):
        if line and len(line) + len(part) > _WIDEST:
            lines.append(line)
            line = ""
        line += part if not line else f", {part}"
    lines += [line, f"as {trial.export}, {trial.epochs} epochs, {trial.seconds:.0f} s"]
    lines += [f"{name}: not kept" for name in trial.obstacles]
    return "<br>".join(html.escape(each, quote=False) for each in lines)
