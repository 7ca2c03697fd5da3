"""Pictures of the tables in docs/results.md that set tfedge beside the tools by hand."""

import pathlib
import re
from collections.abc import Iterator

from tfedge_tools.benchmarks.peers import drawing

NETWORKS = ("ds_cnn", "resnet8")
_SECTION = re.compile(r"^## Against the tools by hand: (\w+)\n(.*?)(?=^## )", re.M | re.S)
_PERCENT = re.compile(r"\d+\.\d+")
_NAME, _ACCURACY, _NO_LOSS, _PACKED = 0, 1, 3, 6  # columns


def pictures(folder: pathlib.Path) -> dict[pathlib.Path, str]:
    """File -> SVG, of each network's table."""
    sections = dict(_SECTION.findall((folder / "results.md").read_text(encoding="utf-8")))
    return {
        folder / f"frontier_{network}.svg": _picture(network, sections[network])
        for network in NETWORKS
    }


def _picture(network: str, section: str) -> str:
    baseline, *rows = _rows(section)
    title = f"{network}, Fashion-MNIST: accuracy against packed bytes; open dots lose something"
    return drawing.draw([_dot(row) for row in rows], _accuracies(baseline)[0], title)


def _rows(section: str) -> Iterator[list[str]]:
    """Cells of the rows; the first is the float model's."""
    for line in section.splitlines():
        cells = [cell.strip(" *") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) > _PACKED and _PERCENT.search(cells[_ACCURACY]):
            yield cells


def _accuracies(cells: list[str]) -> tuple[float, ...]:
    """The median first, then the ends of the range, where there is one."""
    return tuple(float(number) / 100 for number in _PERCENT.findall(cells[_ACCURACY]))


def _dot(cells: list[str]) -> drawing.Dot:
    tool = "tfedge" if cells[_NAME].startswith("tfedge") else re.split("[,:]", cells[_NAME])[0]
    packed = float(cells[_PACKED].replace(",", ""))
    keeps = cells[_NO_LOSS].startswith("yes")
    return drawing.Dot(cells[_NAME].replace("`", ""), tool, packed, _accuracies(cells), keeps)
