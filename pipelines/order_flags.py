"""The flags that say what to make, which compress.py and release.py share."""

import dataclasses
import functools
import pathlib
import pkgutil
from typing import Any

from absl import flags
from tfedge_pipelines import data_flags

from tfedge import cache, errors, foreign, settings
from tfedge.compress import passes, recipes
from tfedge.device import profiles
from tfedge.export import options, routes

_EMBEDDED_RECIPE = "embedded"
_OF_WHAT_IS_WRITTEN = ("augment", "allow_flex", "packed", "cache_dir", "cache_gigabytes")


@dataclasses.dataclass(frozen=True)
class Input:
    """The parsed flags, by name."""

    flag_values: flags.FlagValues

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded model and data are asked for: no others were named."""
        return self.start == (_embedded_model(), "digits")

    @functools.cached_property
    def start(self) -> tuple[str | None, str | None]:
        """Model and data: the flags', else the recipe.json's if there is one, else the embedded."""
        given = self.flag_values.model, self.flag_values.data
        if given != (None, None):
            return given
        from tfedge import recipe_file

        written = recipe_file.read(self.flag_values.recipe or "")
        found = written.get("model", _embedded_model()), written.get("source", "digits")
        if not self.flag_values.trust_recipe:
            foreign.check_no_code(found, f"--recipe={self.flag_values.recipe}")
        return found

    def output_dir(self, default: str) -> str:
        """The folder to write to; the embedded default has one, everything else must name it."""
        if self.flag_values.output_dir:
            return self.flag_values.output_dir
        if self.is_embedded:
            return f"out/digits_{default}"
        raise errors.BadInput("--output_dir", "missing", "Name a folder to write to.")


def input_flags(flag_values: flags.FlagValues) -> Input:
    """Define the flags of `Input`, and those of what is written of it."""
    given = read_flags(flag_values)
    _written_flags(flag_values)
    return given


def read_flags(flag_values: flags.FlagValues) -> Input:
    """Define the flags of `Input`, for programs that write no folder."""
    text, own = flags.DEFINE_string, {"flag_values": flag_values}
    text(
        "model",
        None,
        ".keras (Keras 3 or tf_keras) | .h5 | SavedModel folder | float .tflite | "
        "py:FILE:FUNCTION. Without it and --data: the embedded digits network.",
        **own,
    )
    data_flags.define(flag_values)
    text(
        "recipe",
        None,
        "Passes with their settings, a named recipe, or the recipe.json of a release, which "
        "without --model and --data repeats it; '' compresses nothing. Default: balanced, which "
        f"prunes half, clusters and quantizes. Passes: {', '.join(_passes())}. Named recipes: "
        f"{', '.join(recipes.RECIPES)}. tfedge help passes has their settings, tfedge help recipes "
        "what recipes are for.",
        **own,
    )
    text(
        "export",
        None,
        f"{_routes()}; with options, 'int8(input=\"uint8\", raw_input=True)': {_options()}. "
        "tfedge help export_options explains them. Default: what the recipe prepares for, else "
        "int8, or dynamic for networks that are slower in int8 on a CPU (LayerNormalization).",
        **own,
    )
    flags.DEFINE_boolean(
        "trust_recipe", False, "Let a recipe.json name Python code to run (py:...).", **own
    )
    text("custom_objects", None, "py:FILE with tf_keras twins of custom layers; trusted.", **own)
    flags.DEFINE_list(
        "input_shape", None, "Height,width,channels for a model without fixed ones.", **own
    )
    flags.DEFINE_float(
        "epochs_scale", 1.0, "Shortens (or lengthens) all training.", lower_bound=0.001, **own
    )
    flags.DEFINE_integer(
        "seed", None, "Of everything. Default: the recipe's, else 0.", lower_bound=0, **own
    )
    return Input(flag_values)


def _written_flags(flag_values: flags.FlagValues) -> None:
    text, own = flags.DEFINE_string, {"flag_values": flag_values}
    text("output_dir", None, "Folder to write to; an earlier release in it is replaced.", **own)
    text(
        "augment",
        None,
        "How training examples are varied: 'flip, crop(padding=2), mixup(alpha=0.2), "
        "cutout(size=8)'; also cutmix, rotation, zoom, brightness, contrast. tfedge help "
        "augmentations has their settings. Default: the recipe's, else not.",
        **own,
    )
    flags.DEFINE_boolean(
        "allow_flex",
        False,
        "Accept TensorFlow operators, which add tens of megabytes to the app.",
        **own,
    )
    flags.DEFINE_boolean(
        "packed", False, "Also write model.tflite.packed, to be unpacked by the app.", **own
    )
    text(
        "cache_dir",
        None,
        "Folder of finished passes and exports that stays: later runs, and others at the same "
        "time, take over what is in it. Default: TFEDGE_CACHE_DIR of the environment, else "
        "DIR.work, which a finished run removes.",
        **own,
    )
    flags.DEFINE_float(
        "cache_gigabytes",
        cache.DEFAULT_GIGABYTES,
        "What --cache_dir may hold; what was not used for longest goes first.",
        lower_bound=0.001,
        **own,
    )


def _routes() -> str:
    return " | ".join(f"{name} ({routes.find(name).help})" for name in routes.names())


def _options() -> str:
    return ", ".join(each.name for each in settings.of(options.Export))


def _passes() -> list[str]:
    """By their files: importing them takes longer than a reader of help waits."""
    found = (module.name for module in pkgutil.iter_modules(passes.__path__))
    return [name for name in found if name != "base"]


def require_measured_latency(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define the flag of that name, for the scripts that decide."""
    return flags.DEFINE_boolean(
        "require_measured_latency",
        False,
        "Do not release on an estimate of latency or energy that may lie on either side of the "
        "phone class's limit: a phone has to measure it.",
        flag_values=flag_values,
    )


def profile(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define the flag of that name, for the scripts that judge."""
    return flags.DEFINE_string(
        "profile",
        "mid_range_phone",
        f"Phone class or published device: {' | '.join(profiles.names())}; or FILE.json.",
        flag_values=flag_values,
    )


def margin(
    flag_values: flags.FlagValues, default: str | None, said_of_default: str = ""
) -> flags.FlagHolder:
    """Define the flag of that name, for the scripts that decide."""
    return flags.DEFINE_string(
        "margin",
        default,
        "Accepted loss: 0.01 is one point of accuracy (another metric: that share of the "
        "baseline's value). By metric: '0.01,mean_absolute_error:box=0.05', the first number "
        f"being for all that are not named. {said_of_default}".rstrip(),
        flag_values=flag_values,
    )


def group_margin(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define the flag of that name, for the scripts that decide."""
    return flags.DEFINE_float(
        "group_margin",
        None,
        "Accepted loss of a single class or slice: 0.05 is five points of its examples "
        "(another metric: that share of its mean). Without "
        "it such losses are reported and none fails.",
        flag_values=flag_values,
    )


def min_metric(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define the flag of that name, for the scripts that decide."""
    return flags.DEFINE_string(
        "min_metric",
        None,
        "The least that may ship, whatever the baseline reaches: 0.9, or by metric "
        "'accuracy=0.9,auc=0.95' (of an error, the most). Its 95 % bound has to reach it.",
        flag_values=flag_values,
    )


def report_examples(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define the flag of that name, for the scripts that write a report."""
    return flags.DEFINE_integer(
        "report_examples",
        12,
        "How many new mistakes the report shows, as pictures where the inputs are; 0 leaves the "
        "users' data out, of golden.npz too.",
        lower_bound=0,
        flag_values=flag_values,
    )


def trained_on(flag_values: flags.FlagValues) -> flags.FlagHolder:
    """Define the flag of that name, for what judges by held-out examples."""
    return flags.DEFINE_string(
        "trained_on",
        None,
        "What the model was trained on: a file with a path below the data folder, a SHA-256 or a "
        "row number on each line, or one of check_data.py --write_split. Refused where held-out "
        "examples are among them.",
        flag_values=flag_values,
    )


def order(given: Input) -> dict[str, Any]:
    """The fields of `Order` that the flags stand for.

    Raises:
        BadInput: only one of --model and --data was given.
    """
    from tfedge.making.order import DEFAULT_RECIPE

    values = given.flag_values
    (model, data), recipe = given.start, values.recipe
    data = data_flags.Source(values).of(data)
    if given.is_embedded:
        recipe = _EMBEDDED_RECIPE if recipe is None else recipe
    for name, value in (("--model", model), ("--data", data)):
        if value is None:
            raise errors.BadInput(name, "missing", "Give both --model and --data, or neither.")
    shape = values.input_shape
    return {
        "model": model,
        "task": data,
        "recipe": DEFAULT_RECIPE if recipe is None else recipe,
        "export": values.export,
        "epochs_scale": values.epochs_scale,
        "seed": values.seed,
        "data_dir": values.data_dir,
        "custom_objects": values.custom_objects,
        "trust_recipe": values.trust_recipe,
        "input_shape": None if shape is None else _whole_numbers(shape),
        **{name: values[name].value for name in _OF_WHAT_IS_WRITTEN if name in values},
    }


def _embedded_model() -> str:
    import tfedge_models

    folder = pathlib.Path(next(iter(tfedge_models.__path__))).resolve()  # src/ holds links
    return str(folder / "checkpoints" / "digits_cnn_digits.keras")


def _whole_numbers(texts: list[str]) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in texts)
    except ValueError as error:
        raise errors.BadInput(
            f"--input_shape={','.join(texts)}", "expected whole numbers", "For example 96,96,3."
        ) from error
