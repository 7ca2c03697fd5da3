"""The table as a page: for each technique, what a layer saves against what that costs."""

import html

from tfedge import plain_text
from tfedge.probing.table import Table

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>sensitivity of {name}</title>
<style>body {{ font: 15px/1.5 sans-serif; margin: 2em; }} p {{ max-width: 60em; }}</style>
</head><body>
<h1>Sensitivity of {name}</h1>
<p>Each line is a layer, each dot one change of it alone, untrained. Right is smaller, up is
worse.</p>
{plot}
</body></html>
"""
_LEAST = 1e-6  # of what is shown on a logarithmic axis
_HEIGHT = 420  # pixels of a technique


def render(table: Table) -> bytes:
    """The page, as UTF-8; it opens without a network."""
    from plotly import colors, graph_objects, subplots

    axes, layers = table.axes, list(table.layer_bytes)
    figure = subplots.make_subplots(
        rows=len(axes),
        cols=1,
        subplot_titles=axes,
        vertical_spacing=0.3 / len(axes),
    )
    shades = colors.sample_colorscale("Turbo", max(2, len(layers)))
    for layer, shade in zip(layers, shades, strict=False):
        for number, (axis, rows) in enumerate(table.by_axis(layer).items()):
            known = [(row, row.difference) for row in rows if row.difference is not None]
            dots = graph_objects.Scatter(
                x=[row.saved_bytes for row, _ in known],
                y=[max(_LEAST, found.harm) for _, found in known],
                customdata=[str(row.changes[0]) for row, _ in known],
                hovertemplate="%{customdata}: %{x:,} bytes, %{y:.3g}",
                name=html.escape(layer),
                legendgroup=layer,
                showlegend=not number,
                mode="lines+markers",
                line={"color": shade},
            )
            figure.add_trace(dots, row=1 + axes.index(axis), col=1)
    figure.update_xaxes(title_text="packed bytes saved")
    figure.update_yaxes(title_text=table.harm_words, type="log")
    figure.update_layout(template="plotly_white", height=_HEIGHT * len(axes))
    plot = figure.to_html(include_plotlyjs=True, full_html=False)
    name = html.escape(table.model)
    return plain_text.printable(_PAGE.format(name=name, plot=plot)).encode()
