"""What the code accepts, as Markdown: a function a topic, its name that of the topic.

Pages of docs/ hold topics as blocks of that name; `tfedge help` shows them on a terminal.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator

from tfedge_tools import markdown

from tfedge import grammar, settings
from tfedge.compress import recipe
from tfedge.compress import recipes as named_recipes
from tfedge.data import augmentation, detection
from tfedge.data import kinds as data_kinds
from tfedge.data import metrics as data_metrics
from tfedge.data import sources as data_sources
from tfedge.device import profiles as phones
from tfedge.export import options, routes

_SETTING = ("setting", "default", "value", "what it means")


def find() -> dict[str, Callable[[], str]]:
    """Every topic by its name: a public function of this file."""
    return {
        name: made
        for name, made in globals().items()
        if inspect.isfunction(made) and not name.startswith("_") and made is not find
    }


def recipes() -> str:
    """The recipes that have a name."""
    rows = (
        (markdown.code(name), markdown.code(each.text) or "nothing", each.help)
        for name, each in named_recipes.RECIPES.items()
    )
    return markdown.table(("name", "passes", "what for"), rows)


def passes() -> str:
    """What recipes are made of: all passes, each with its settings."""
    found = recipe.available()
    rows = (
        (f"[`{name}`](#{name})", _module_doc(kind).partition("\n")[0])
        for name, kind in sorted(found.items())
    )
    parts = [markdown.table(("pass", "what it does"), rows)]
    for name, kind in sorted(found.items()):
        parts += [f"### {name}", markdown.prose(_module_doc(kind)), *_of_pass(kind)]
    return "\n\n".join(parts)


def exports() -> str:
    """What --export takes."""
    rows = (
        (
            markdown.code(name),
            routes.find(name).help,
            _codes(routes.find(name).ends),
            "yes" if routes.find(name).activation_bits else "no",
            _codes(routes.find(name).options),
        )
        for name in routes.names()
    )
    head = ("route", "what is in the file", "types of `input` and `output`")
    return markdown.table((*head, "reads calibration data", "further options"), rows)


def export_options() -> str:
    """What may be said of an export: int8(input="uint8")."""
    return markdown.table(_SETTING, _settings(options.Export))


def data() -> str:
    """What --data takes, and the options that may follow."""
    forms = data_sources.forms()
    rows = ((markdown.code(form), what) for form, what in forms.items())
    parts = [markdown.table(("`--data`", "what it is"), rows)]
    return "\n\n".join([*parts, *(part for form in forms for part in _of_source(form))])


def kinds() -> str:
    """The kinds of tasks, by their targets: ?kind=NAME."""
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


def metrics() -> str:
    """What judges a model: `?metric=NAME`, Task(metric=NAME)."""
    rows = (
        (
            markdown.code(name),
            said,
            ", ".join(map(markdown.code, _kinds_with(name))) or "boxes",
        )
        for name, said in data_metrics.explained().items()
    )
    options = (
        (markdown.code(name), *row)
        for name, kind in detection.KINDS.items()
        for row in _settings(kind)
    )
    return "\n\n".join(
        (
            markdown.table(("metric", "what it is", "of"), rows),
            markdown.table(("metric", *_SETTING), options),
        )
    )


def augmentations() -> str:
    """The ways to vary training examples: --augment."""
    rows = (
        (markdown.code(name), markdown.prose(kind.__doc__), *row)
        for name, kind in augmentation.KINDS.items()
        for row in _settings(kind)
    )
    return markdown.table(("name", "what it does", *_SETTING), rows)


def profiles() -> str:
    """The phone classes that come with tfedge: --profile."""
    return markdown.table(
        ("profile", "what it is", "memory", "file", "threads", "latency", "predicted from"),
        (_profile(phones.load(name)) for name in phones.names()),
    )


def profile_settings() -> str:
    """What a phone class of your own may say: --profile=FILE.json."""
    return markdown.table(_SETTING, _settings(phones.Profile))


def _kinds_with(metric: str) -> list[str]:
    return [name for name in data_kinds.names() if metric in data_kinds.named(name).metrics]


def _settings(kind: type) -> Iterator[tuple[str, ...]]:
    """Rows under `_SETTING`."""
    for each in settings.of(kind):
        unit = f" In {each.unit}." if each.unit else ""
        default = markdown.code(grammar.literal(each.default))
        yield markdown.code(each.name), default, each.expected, each.help + unit


def _of_source(form: str) -> Iterator[str]:
    """What its file and its class say, and its options."""
    kind = data_sources.class_of(form)
    _, _, more = _module_doc(kind).partition("\n\n")
    yield f"### {form.partition(':')[0]}"
    yield markdown.prose(f"{more}\n\n{inspect.cleandoc(kind.__doc__ or '')}")
    rows = [(markdown.code(each.name), each.expected, each.help) for each in settings.of(kind)]
    if rows:
        yield markdown.table(("option", "value", "what it means"), rows)


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
    unit = " (NPU)" if phone.latency_accelerator == "npu" else ""
    scale = "" if not phone.extrapolated else f", times {phone.latency_scale[0]:g}"
    return (
        markdown.code(phone.name),
        phone.description,
        f"{phone.max_memory_bytes / 2**20:g} MB",
        f"{phone.max_file_bytes / 2**20:g} MB",
        str(phone.threads),
        limit,
        f"{phone.latency_device or 'nothing'}{unit}{scale}",
    )


def _module_doc(kind: type) -> str:
    return sys.modules[kind.__module__].__doc__ or ""


def _first_line(module: str) -> str:
    return (importlib.import_module(module).__doc__ or "").strip().partition("\n")[0]


def _codes(words: "tuple[str, ...] | list[str]") -> str:
    return ", ".join(map(markdown.code, words))
