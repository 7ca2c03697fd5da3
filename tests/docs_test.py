"""The pages: links lead somewhere, commands have the flags they are shown with, code can be read.

Nothing of a page is run but sessions of Python (`>>>`); TensorFlow is not loaded.
"""

import ast
import contextlib
import doctest
import functools
import importlib
import io
import itertools
import json
import pathlib
import re
import shlex
import sys

import pytest
from tfedge_tools import command, markdown
from tfedge_tools.docs import pages

import tfedge
from tfedge import errors, grammar
from tfedge.compress import recipe
from tfedge.compress.recipe import Recipe
from tfedge.data import augmentation, hygiene, sources
from tfedge.device import profiles
from tfedge.export import routes
from tfedge.export.options import Export

ROOT = pages.FOLDER.parent
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *pages.FOLDER.glob("*.md"),
        ROOT / "models" / "checkpoints" / "README.md",
        ROOT / "tfedge" / "packing" / "FORMAT.md",
    }
)
NO_PROGRAMS = ("pip", "ray", "pytest", "ruff", "mypy", "lint-imports", "python3")  # of others

every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


def _text(path):
    return path.read_text(encoding="utf-8")


def _blocks(text, *languages):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for language, block in found if language in languages]


def _prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def _spans(text):
    """Code in lines, as it reads: in a table a bar is escaped."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _prose(text))]


def _anchors(text):
    """As GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.+)$", _prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


# --- generated parts


def test_no_page_is_stale():
    names = ", ".join(path.name for path in pages.stale())
    assert not names, f"{names}: run python tools/docs/write.py"


def test_a_block_is_written_between_its_marks_and_nothing_else_is_touched():
    page = "before\n<!-- generated: one -->\nold\n<!-- end -->\nafter\n"
    made = pages.written(page, {"one": lambda: "new\n"})
    assert made == "before\n<!-- generated: one -->\n\nnew\n\n<!-- end -->\nafter\n"
    assert pages.written(made, {"one": lambda: "new"}) == made
    with pytest.raises(errors.BadInput, match="There are: two"):
        pages.written(page, {"two": lambda: ""})


def test_a_docstring_becomes_markdown():
    text = """Adds.

    add(1, 2)

Slowly.

Args:
    a: a number,
        in two lines.
    b, c: others.

Returns:
    The sum.
"""
    made = markdown.of_docstring(text)
    assert made.startswith("Adds.\n\n```python\nadd(1, 2)\n```\n\nSlowly.\n\n*Args*\n\n")
    assert "- `a`: a number, in two lines.\n- `b, c`: others." in made
    assert made.endswith("*Returns*\n\nThe sum.")
    assert markdown.prose(text).endswith("Slowly.")
    assert markdown.table(("x",), [("a|b",)]) == "| x |\n| --- |\n| a\\|b |"


# --- links


@every_page
def test_links_lead_to_files_and_headings(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(_text(path))):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), target
        assert not anchor or anchor in _anchors(_text(found)), target


@every_page
def test_files_that_are_named_are_there(path):
    for span in _spans(_text(path)):
        if re.fullmatch(r"(docs|models|pipelines|tests|tfedge|tools)/[a-z_0-9/.]*", span):
            assert (ROOT / span).exists(), span


# --- commands


@functools.cache
def _flags(module):
    """The flags that a program's own --help shows."""
    said, argv = io.StringIO(), sys.argv
    sys.argv = [module, "--help"]
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            importlib.import_module(module).run()
    finally:
        sys.argv = argv
    return frozenset(re.findall(r"--(\w+)", said.getvalue())) | {"help"}


def _module(words):
    """Of the program that a command line starts, and the rest of the line; None for others."""
    name = pathlib.PurePath(words[0]).name
    if name == "python" and words[1].endswith(".py"):
        assert (ROOT / words[1]).is_file(), words[1]
        folder, *rest = pathlib.PurePath(words[1]).with_suffix("").parts
        return None if folder == "examples" else (".".join((f"tfedge_{folder}", *rest)), words[2:])
    if name == "tfedge" and len(words) > 1:
        known = command.programs()
        return known[command.find(words[1], list(known))], words[2:]
    assert name in (*NO_PROGRAMS, "python", "tfedge", "adb", "apt"), words
    return None


def _command_lines(text):
    for block in _blocks(text, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            yield from re.split(r"&&", line)
    for span in _spans(text):
        if re.match(r"(python (pipelines|tools|examples)/\w|tfedge [a-z])", span):
            yield span


@every_page
def test_commands_have_the_flags_and_values_that_are_shown(path):
    for line in _command_lines(_text(path)):
        started = _module(shlex.split(line, comments=True))
        for word in itertools.takewhile("--".__ne__, started[1] if started else ()):
            if not word.startswith("--"):
                continue
            name, _, value = word[2:].partition("=")
            assert name in _flags(started[0]), line
            _check_value(name, value)


def _check_value(name, value):
    if name == "recipe" and not value.endswith(".json"):
        Recipe.parse(value)
    elif name == "export":
        Export.parse(value)
    elif name == "augment":
        augmentation.parse(value)
    elif name == "data" and value != "SOURCE":
        sources.class_of(value)
    elif name == "profile" and not value.endswith(".json"):
        profiles.load(value)


# --- code


@every_page
def test_recipes_exports_and_augmentations_in_the_text_can_be_read(path):
    language = grammar.Language("page", "name", "prune")
    known = ((recipe.available(), Recipe), (routes.names(), Export), (augmentation.KINDS, None))
    for span in _spans(_text(path).replace("\\|", "|")):
        try:
            calls = grammar.read(span, language)
        except errors.BadInput:
            continue
        for names, reader in known:
            if calls and all(call.name in names for call in calls) and "=..." not in span:
                (reader or augmentation).parse(span)
                break


@every_page
def test_python_compiles_and_its_imports_are_there(path):
    for block in _blocks(_text(path), "python"):
        tree = ast.parse(_without_prompts(block))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "tfedge":
                assert node.attr in tfedge.__all__, node.attr


def _without_prompts(block):
    if not block.startswith(">>>"):
        return block
    found = doctest.DocTestParser().get_examples(block)
    return "".join(example.source for example in found)


@every_page
def test_sessions_print_what_they_show(path):
    runner = doctest.DocTestRunner(verbose=False)
    for block in _blocks(_text(path), "python"):
        session = doctest.DocTestParser().get_doctest(block, {}, path.name, str(path), 0)
        if session.examples and "import" in session.examples[0].source:
            runner.run(session)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("found.npz", "", "custom"),
        ("tags.npz", "", "segmentation"),
        ("text.npz", "?kind=language&padding=0", "language"),
    ],
)
def test_arrays_as_the_page_makes_them_are_data(name, options, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = _blocks(_text(pages.FOLDER / "data.md"), "python")
    (block,) = (each for each in blocks if f'"{name}"' in each)
    exec(compile(block, name, "exec"), {})
    made = sources.load_task(f"npz:{name}{options}")
    hygiene.check(made)
    assert made.kind == kind and len(made.holdout) in (200, 300)


def test_the_task_that_the_page_writes_in_python_is_one(tmp_path):
    (block,) = (b for b in _blocks(_text(pages.FOLDER / "data.md"), "python") if "def load" in b)
    file = tmp_path / "photos.py"
    file.write_text(block, encoding="utf-8")
    made = sources.load_task(f"py:{file}:load")
    assert (made.name, made.num_classes, len(made.holdout)) == ("photos", 10, 600)
    hygiene.check(made)


@every_page
def test_json_can_be_read(path, tmp_path):
    for number, block in enumerate(_blocks(_text(path), "json")):
        found = json.loads(block)
        if "max_file_bytes" in found:
            file = tmp_path / f"{number}.json"
            file.write_text(block)
            profiles.load(str(file))
