"""What flows through a recipe: a model, what was promised about it, and what was done to it."""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge import shown
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.integers import blocks
from tfedge.compress.layers import kernels


@dataclasses.dataclass(frozen=True)
class Quantization:
    """What quantization-aware training learned about the activations.

    Attributes:
        ranges: (lowest, highest) value per activation; keys as in `fake_quantization`.
        float_layers: layers that stay float, with the reason.
        bits: width of the kernels, where no rule gave a layer another.
        power_of_two: ranges are -128 * 2^k to 127 * 2^k, so that a shift stands for each scale
            and zero points are 0; training leaves them as they are.
        normalization: "int8" where normalization of each example is integers too, not "float".
    """

    ranges: Mapping[str, tuple[float, float]]
    float_layers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    bits: int = 8
    power_of_two: bool = False
    normalization: str = "float"


def export_route(bits: int) -> str:
    """The route for kernels of so many bits: "int4" stores two in a byte, "int8" one."""
    return "int4" if bits <= 4 else "int8"


@dataclasses.dataclass(frozen=True, eq=False)
class Teacher:
    """What training also learns from; see the pass `distill`.

    Attributes:
        model: flat tf_keras model that answers and never trains.
        methods: what is learned from it, of `teaching.METHODS`.
        temperature: softens both sides' logits.
        weight: 0..1, share of the loss that is the teacher's.
        layers: student's layer -> the teacher's that it learns from; where empty, those of the
            same size are paired.
    """

    model: Any
    methods: tuple[str, ...] = ("logits",)
    temperature: float = 4.0
    weight: float = 0.5
    layers: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Cut:
    """What is left of a kernel.

    Attributes:
        layer: its name.
        axis: of the kernel, in Keras' shape.
        kept: indices along it, ascending.
    """

    layer: str
    axis: int
    kept: np.ndarray


@dataclasses.dataclass(frozen=True)
class Report:
    """What a pass did.

    Attributes:
        name: the pass.
        settings: its text, as in a recipe.
        touched: layers it worked on.
        skipped: (layer, reason) for each it did not.
        notes: single facts, name -> value.
        history: one mapping an epoch (loss, validation, ...).
        seconds: wall time.
        validation: name -> {"before": ..., "after": ...} on the validation split: of the loss, and
            of the metric that training chooses by.
        taken_over: whether this was done earlier, and its result found in a cache.
    """

    name: str
    settings: str
    touched: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    history: tuple[Mapping[str, float], ...] = ()
    seconds: float = 0.0
    validation: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    taken_over: bool = False

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {**dataclasses.asdict(self), "skipped": [list(pair) for pair in self.skipped]}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Report":
        """What `to_json` gave, read back."""
        skipped = tuple((layer, reason) for layer, reason in entry["skipped"])
        listed = {name: tuple(entry[name]) for name in ("touched", "history")}
        return cls(**{**entry, **listed, "skipped": skipped})


@dataclasses.dataclass(frozen=True)
class Codes:
    """A kernel's promised integers: value = scales[channel] * codes, in the .tflite layout.

    Scales are (channels,), or (channels, blocks) where each block of a row has its own.
    """

    scales: np.ndarray
    codes: np.ndarray


@dataclasses.dataclass(frozen=True, repr=False)
class Candidate(shown.Shown):
    """A model under compression. Nothing here is changed in place, unless it is spare.

    Attributes:
        model: a flat tf_keras model of plain layers.
        holds: promises about its kernels.
        reports: one per pass so far.
        quantization: set once it was trained quantization-aware.
        teacher: what every later training also learns from.
        cuts: what a pass has cut out of kernels, in order; `base.Pass` reads it to compare
            promises of before and after, and no candidate between two passes has any.
        exports: those that compute what was trained, see `Pass.exports`; empty for any.
        class_weight: the weights of classes it was trained with, as `Task.class_weight`; set by
            the recipe once all passes are done.
        is_spare: whether nobody else needs the model: what takes the candidate may give its weights
            other values instead of making a copy, which takes longer than all else that a pass
            does without training.
    """

    model: Any
    holds: tuple[holds_lib.Hold, ...] = ()
    reports: tuple[Report, ...] = ()
    quantization: Quantization | None = None
    teacher: Teacher | None = None
    cuts: tuple[Cut, ...] = ()
    exports: tuple[str, ...] = ()
    class_weight: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_spare: bool = False

    def _shown(self) -> tuple[str, shown.Rows]:
        promises = collections.Counter(hold.kind for hold in self.holds)
        rows = [
            ("model", f"{len(self.model.layers)} layers, {self.model.count_params():,} parameters"),
            *((f"pass {each.name}", _did(each)) for each in self.reports),
            ("promises", ", ".join(f"{n} {kind}" for kind, n in promises.items())),
            ("trained for", " or ".join(self.exports)),
            ("teacher", "" if self.teacher is None else self.teacher.model.name),
        ]
        return f"Candidate {self.model.name}", [(name, said) for name, said in rows if said]

    def to_keras3(self) -> Any:
        """The model as a Keras 3 one, with the same outputs (those of its float kernels).

        Layers that were taken apart come back where no pass has changed what their parts are.
        """
        from tfedge.compress import bridge
        from tfedge.compress.composites import restoring

        return bridge.to_keras3(restoring.restored(self.model))

    def with_holds(self, *new: holds_lib.Hold) -> "Candidate":
        """The candidate with these holds; one of the same kind and layer is replaced."""
        replaced = {(hold.kind, hold.layer) for hold in new}
        kept = tuple(hold for hold in self.holds if (hold.kind, hold.layer) not in replaced)
        return dataclasses.replace(self, holds=kept + new)

    def with_cut(self, model: k.Model, cuts: tuple[Cut, ...]) -> "Candidate":
        """The candidate with a smaller model, and its holds on what is left.

        Raises:
            ValueError: a hold on a kernel that was cut cannot be.
        """
        holds = cut_holds(self.holds, cuts)
        return dataclasses.replace(self, model=model, holds=holds, cuts=(*self.cuts, *cuts))

    def codes(self) -> dict[str, Codes]:
        """The integers promised for each kernel whose scales are set by a hold, by layer."""
        promised = {}
        for kernel in kernels.find(self.model):
            value = kernel.numpy()
            asked = [hold.scales(value) for hold in holds_lib.on(self.holds, kernel.layer)]
            known = [scales for scales in asked if scales is not None]
            if known:
                codes = np.round(value / blocks.spread(known[-1], value.shape))
                scales = kernels.deployed(kernel.layer_class, known[-1].astype(np.float32))
                promised[kernel.layer] = Codes(
                    scales=scales if blocks.are(known[-1], value.shape) else scales.ravel(),
                    codes=kernels.deployed(kernel.layer_class, codes).astype(np.int8),
                )
        return promised


def _did(report: Report) -> str:
    left = f", {len(report.skipped)} left alone" if report.skipped else ""
    return f"{len(report.touched)} layers{left}, {report.seconds:.1f} s: {report.settings}"


def cut_holds(
    holds: tuple[holds_lib.Hold, ...], cuts: tuple[Cut, ...]
) -> tuple[holds_lib.Hold, ...]:
    """The same promises about what is left of the kernels.

    Raises:
        ValueError: a hold that cannot be cut.
    """
    found = {(hold.kind, hold.layer): hold for hold in holds}
    for cut in cuts:
        for key, hold in found.items():
            if hold.layer == cut.layer:
                left = hold.taken(cut.axis, cut.kept)
                if left is None:
                    raise ValueError(f"{hold.kind} of {hold.layer} cannot be cut")
                found[key] = left
    return tuple(found.values())
