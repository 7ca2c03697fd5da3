"""The published latencies, and the operators of the networks they are of."""

import csv
import dataclasses
import functools
import json
import math
import pathlib

import tfedge
from tfedge.device.prediction import devices, network, work

TABLE = pathlib.Path(tfedge.__file__).parent / "device" / "prediction" / "published_latency.csv"
NETWORKS = pathlib.Path(__file__).parent / "networks.json"
# The file that is published under this name is 121 MB where the network of the paper and of
# keras.applications has 223 MB of weights: it is another network, and hardly counts.
_DOUBTED = {"inception_resnet_v2": 0.25}
# Networks of one design: leaving one out of a fit means leaving out all of them.
_FAMILIES = ("mobilenet_v1", "mobilenet_v3", "inception", "resnet", "efficientnet_lite")
_OF_THE_FILE = ("known", "turns", "plain", "groups")  # the same for all operators of the table
_FIELDS = [f.name for f in dataclasses.fields(work.Work) if f.name not in _OF_THE_FILE]


@dataclasses.dataclass(frozen=True)
class Row:
    """One published latency.

    Attributes:
        deviation: standard deviation of its logarithm for having been rounded when printed, and
            for doubt that the file was this network.
    """

    device: devices.Device
    threads: int
    model: str
    width: float
    resolution: int
    dtype: str
    latency_ms: float
    deviation: float

    @property
    def network(self) -> str:
        """The name in networks.json."""
        return f"{self.model} {self.width} {self.resolution} {self.dtype}"

    @property
    def family(self) -> str:
        """Its design."""
        return next(name for name in _FAMILIES if self.model.startswith(name))

    @property
    def integer(self) -> bool:
        """Whether it computes on int8."""
        return self.dtype == "int8"

    def __str__(self) -> str:
        return f"{self.device.name} {self.threads}t {self.network}"


def rows(path: pathlib.Path = TABLE) -> list[Row]:
    """The table in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_row(line) for line in csv.DictReader(file)]


@functools.cache
def loads() -> dict[str, network.Loads]:
    """The networks of the table by `Row.network`."""
    stored = json.loads(NETWORKS.read_text(encoding="utf-8"))
    fields = stored["fields"][1:]
    return {name: network.loads(_works(fields, each)) for name, each in stored["networks"].items()}


def multiply_adds(name: str) -> int:
    """Of a network of the table."""
    return sum(int(load.macs.sum() * 1e6) for load in loads()[name].values())


def write_networks(works: dict[str, tuple[work.Work, ...]]) -> None:
    """Keeps the operators of networks, alike ones behind each other as one line with a count."""
    lines = {name: _lines(each) for name, each in works.items()}
    blocks = []
    for name, found in lines.items():
        inner = ",\n".join("  " + json.dumps(line, separators=(",", ":")) for line in found)
        blocks.append(f' "{name}": [\n{inner}\n ]')
    text = '{"fields": ' + json.dumps(["count", *_FIELDS]) + ',\n"networks": {\n'
    NETWORKS.write_text(text + ",\n".join(blocks) + "\n}}\n", encoding="utf-8")


def _lines(works: tuple[work.Work, ...]) -> list[list]:
    found: list[list] = []
    for each in works:
        if each.family == "free":
            continue
        line = [int(v) if isinstance(v, (bool, float)) else v for v in _values(each)]
        if found and found[-1][1:] == line:
            found[-1][0] += 1
        else:
            found.append([1, *line])
    return found


def _values(each: work.Work) -> list:
    return [getattr(each, name) for name in _FIELDS]


def _works(names: list[str], lines: list[list]) -> tuple[work.Work, ...]:
    found = []
    for count, *values in lines:
        fields = dict(zip(names, values, strict=True))
        found += [work.Work(**{**fields, "integer": bool(fields["integer"])})] * count
    return tuple(found)


def _row(line: dict[str, str]) -> Row:
    printed = line["latency_ms"]
    latency = float(printed)
    half = 0.5 * 10 ** -len(printed.partition(".")[2])
    doubt = _DOUBTED.get(line["model"], 0.0)
    return Row(
        devices.find(line["device"]),
        int(line["threads"]),
        line["model"],
        float(line["width"]),
        int(line["resolution"]),
        line["dtype"],
        latency,
        math.hypot(half / math.sqrt(3) / latency, doubt),
    )
