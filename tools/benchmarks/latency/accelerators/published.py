"""The published latencies of neural accelerators, and the amounts of the networks they are of."""

import csv
import dataclasses
import functools
import importlib
import pathlib

import numpy as np
from tfedge_tools.benchmarks.latency.accelerators import drawing

from tfedge.device.prediction import accelerators
from tfedge.device.prediction.accelerators import fitted, formula

TABLE = pathlib.Path(accelerators.__file__).parent / "published_latency.csv"
# Why a network of the table is not rebuilt.
LEFT_OUT = {
    "nasnet": "the 776 operators of its searched cells depend on how maps of odd widths are padded "
    "and cut, which is not told",
    "yolov3": "11.5 million weights are none of YOLOv3's sizes (61.9, or tiny 8.8 or 12.1), and "
    "whether its boxes are decoded inside is not told",
}
# Where the table contradicts the program that it names, as that program was published.
CORRECTED = {
    "distil_bert_base_uncased_hf": "has 67 million weights, not 11.3",
    "efficientnet_b4": "takes 224x224, not 380x380",
    "unet_segmentation": "takes 640x1280, not 224x224",
    "fcn_resnet50": "takes 520x520, not 224x224",
    "mobile_vit": "takes 256x256, not 224x224",
}
_MODULES = ("residual_networks", "branching_networks", "mobile_networks", "attention_networks")
_TWINS = {"sa7255p": "qcs8275"}  # the same figures, line by line: they count once
# Networks of one design: leaving one out means leaving out all of them.
_FAMILIES = {
    "resnets": ("resnet18", "resnet50", "wideresnet50", "resnext50", "resnext101"),
    "berts": (
        *("bert_base_uncased_hf", "distil_bert_base_uncased_hf", "albert_base_v2_hf"),
        *("electra_bert_base_discrim_google", "mobile_bert_uncased_google"),
    ),
    "super resolution": ("quicksrnetsmall", "quicksrnetmedium", "quicksrnetlarge", "sesr_m5"),
    "regnets": ("regnet", "regnet_y_800mf"),
    "efficientnets": ("efficientnet_b0", "efficientnet_b4"),
    "mobilenets": ("mobilenet_v2", "mobilenet_v3_small", "mnasnet05"),
    "inceptions": ("googlenet", "inception_v3"),
    "vision transformers": ("vit", "mobile_vit", "levit"),
    "segmentation": ("fcn_resnet50", "deeplabv3_plus_mobilenet", "unet_segmentation"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One published latency of the NPU, of a network that is rebuilt."""

    device: str
    network: str
    type: str
    latency_ms: float
    parameters: str

    @property
    def integer(self) -> bool:
        """Whether it computes on int8."""
        return self.type == fitted.INT8

    @property
    def family(self) -> str:
        """Its design."""
        return next((name for name, of in _FAMILIES.items() if self.network in of), self.network)

    @property
    def amounts(self) -> np.ndarray:
        """What one inference asks for, (rates,)."""
        return amounts(self.network, self.integer)

    def __str__(self) -> str:
        return f"{self.device} {self.network} {self.type}"


@functools.cache
def rows() -> tuple[Row, ...]:
    """In the table's order; what ran elsewhere than on the NPU is left out."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return tuple(_row(line) for line in lines if _is_kept(line))


def _is_kept(line: dict[str, str]) -> bool:
    elsewhere = line["layers_gpu"] != "0" or line["layers_cpu"] != "0"
    return not (elsewhere or line["model"] in LEFT_OUT or line["name"] in _TWINS)


def _row(line: dict[str, str]) -> Row:
    kind = fitted.INT8 if line["dtype"] == "int8" else fitted.FLOAT16
    return Row(line["name"], line["model"], kind, float(line["latency_ms"]), line["parameters"])


@functools.cache
def drawn(network: str, integer: bool) -> drawing.Drawing:
    """A network's operators."""
    for module in _MODULES:
        found = importlib.import_module(f"{__package__}.{module}").NETWORKS.get(network)
        if found is not None:
            each = drawing.Drawing(integer)
            found(each)
            return each
    raise KeyError(network)


@functools.cache
def amounts(network: str, integer: bool) -> np.ndarray:
    """(rates,) what one inference asks for."""
    each = drawn(network, integer)
    beside = formula.Ends(each.rows_in, each.works[-1].output_elements)
    return formula.amounts(tuple(each.works), integer).sum(0) + formula.ends(beside)
