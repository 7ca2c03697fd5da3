"""Whether all splits have inputs of one shape and dtype, and as many channels as their scale."""

from tfedge import errors
from tfedge.data.examined import Examined
from tfedge.data.finding import Check, Finding
from tfedge.data.scanning import inputs


def _look(data: Examined) -> Finding:
    forms = {role: scan.form for role, scan in data.scans.items()}
    for first, expected in list(forms.items())[:1]:
        for role, form in forms.items():
            if form != expected:
                raise errors.BadInput(
                    data.where(role),
                    f"its inputs are {inputs.shown(form)}, those of {first}"
                    f" {inputs.shown(expected)}",
                    "Store all splits with one shape, dtype and scale.",
                )
        _check_channels(data, expected)
    return Finding()


def _check_channels(data: Examined, form: inputs.Form) -> None:
    """A scale per channel has to meet as many channels."""
    normalization = data.task.normalization
    for values in (normalization.scale, normalization.offset):
        for name, (shape, _) in form.items():
            if isinstance(values, tuple) and len(values) != (shape[-1] if shape else 1):
                raise errors.BadInput(
                    f"task {data.task.name}, input {name}".removesuffix(" "),
                    f"the normalization has {len(values)} channels, examples are {shape}",
                    "Give one number, or one for each channel of the last axis.",
                )


CHECK = Check(50, _look)
