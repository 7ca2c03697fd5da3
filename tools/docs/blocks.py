"""What pages say of the code: one function a block, under the name that the pages give it."""

import importlib
import sys
from collections.abc import Iterator

from tfedge_tools.docs import markdown, python_api

from tfedge import grammar, settings
from tfedge.compress import recipe
from tfedge.compress import recipes as named_recipes
from tfedge.data import augmentation
from tfedge.data import kinds as data_kinds
from tfedge.data import sources as data_sources
from tfedge.device import profiles as phones
from tfedge.export import options as export_options
from tfedge.export import routes as export_routes

_SETTING = ("setting", "default", "value", "what it means")

python = python_api.page


def recipes() -> str:
    """The named recipes."""
    rows = (
        (markdown.code(name), markdown.code(each.text) or "nothing", each.help)
        for name, each in named_recipes.RECIPES.items()
    )
    return markdown.table(("name", "passes", "what for"), rows)


def passes() -> str:
    """A list of all passes, then each with its settings."""
    found = recipe.available()
    rows = (
        (f"[`{name}`](#{name})", _module_doc(kind).partition("\n")[0])
        for name, kind in sorted(found.items())
    )
    parts = [markdown.table(("pass", "what it does"), rows)]
    for name, kind in sorted(found.items()):
        parts += [f"### {name}", markdown.prose(_module_doc(kind)), *_of_pass(kind)]
    return "\n\n".join(parts)


def routes() -> str:
    """The export routes."""
    rows = (
        (
            markdown.code(name),
            export_routes.find(name).help,
            _codes(export_routes.find(name).ends),
            "yes" if export_routes.find(name).activation_bits else "no",
            _codes(export_routes.find(name).options),
        )
        for name in export_routes.names()
    )
    head = ("route", "what is in the file", "types of `input` and `output`")
    return markdown.table((*head, "reads calibration data", "further options"), rows)


def options() -> str:
    """The options of an export."""
    return markdown.table(_SETTING, _settings(export_options.Export))


def sources() -> str:
    """What --data takes, and the options that may follow."""
    forms = data_sources.forms()
    rows = ((markdown.code(form), what) for form, what in forms.items())
    of_option: dict[tuple[str, str, str], list[str]] = {}
    for form in forms:
        for each in settings.of(data_sources.class_of(form)):
            told = (each.name, each.expected, each.help)
            of_option.setdefault(told, []).append(form.partition(":")[0])
    more = (
        (markdown.code(name), expected, help, ", ".join(of))
        for (name, expected, help), of in of_option.items()
    )
    return "\n\n".join(
        (
            markdown.table(("`--data`", "what it is"), rows),
            markdown.table(("option", "value", "what it means", "of"), more),
        )
    )


def kinds() -> str:
    """The kinds of tasks."""
    rows = (
        (
            markdown.code(name),
            _first_line(f"{data_kinds.__name__}.{name}"),
            _codes(data_kinds.named(name).metrics) or "what the task brings",
            markdown.code(data_kinds.named(name).loss) or "what the task brings",
        )
        for name in data_kinds.names()
    )
    return markdown.table(("kind", "targets", "metrics, the usual one first", "usual loss"), rows)


def augmentations() -> str:
    """The ways to vary examples, one setting a row."""
    rows = (
        (markdown.code(name), markdown.prose(kind.__doc__), *row)
        for name, kind in augmentation.KINDS.items()
        for row in _settings(kind)
    )
    return markdown.table(("name", "what it does", *_SETTING), rows)


def profiles() -> str:
    """The phone classes that come with tfedge."""
    return markdown.table(
        ("profile", "what it is", "memory", "file", "threads", "latency", "predicted from"),
        (_profile(phones.load(name)) for name in phones.names()),
    )


def profile_settings() -> str:
    """What a profile may say."""
    return markdown.table(_SETTING, _settings(phones.Profile))


def _settings(kind: type) -> Iterator[tuple[str, ...]]:
    """Rows under `_SETTING`."""
    for each in settings.of(kind):
        unit = f" In {each.unit}." if each.unit else ""
        default = markdown.code(grammar.literal(each.default))
        yield markdown.code(each.name), default, each.expected, each.help + unit


def _of_pass(kind: type) -> Iterator[str]:
    """Prose of its class and its settings."""
    _, _, more = markdown.prose(kind.__doc__).partition("\n\n")
    if more:
        yield more
    yield markdown.table(_SETTING, _settings(kind))
    by_layer = [each.name for each in settings.of(kind) if each.per_layer]
    if by_layer:
        yield f"Rules may change {_codes(by_layer)} by layer."
    prepared = kind().exports
    if prepared:
        yield f"With its defaults it prepares for the export {_codes(prepared)}."


def _profile(phone: phones.Profile) -> tuple[str, ...]:
    limit = "no limit" if phone.max_latency_ms is None else f"{phone.max_latency_ms:g} ms"
    scale = "" if not phone.extrapolated else f", times {phone.latency_scale[0]:g}"
    return (
        markdown.code(phone.name),
        phone.description,
        f"{phone.max_memory_bytes / 2**20:g} MB",
        f"{phone.max_file_bytes / 2**20:g} MB",
        str(phone.threads),
        limit,
        f"{phone.latency_device or 'nothing'}{scale}",
    )


def _module_doc(kind: type) -> str:
    return sys.modules[kind.__module__].__doc__ or ""


def _first_line(module: str) -> str:
    return (importlib.import_module(module).__doc__ or "").strip().partition("\n")[0]


def _codes(words: "tuple[str, ...] | list[str]") -> str:
    return ", ".join(map(markdown.code, words))
