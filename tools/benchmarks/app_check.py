"""Runs the generated code of apps and prints what it answers, refuses and unpacks.

    python tools/benchmarks/app_check.py

Four tables. Answers: six small networks are trained and released, and all their held-out examples
go through the evaluation's own interpreter, through the JavaScript in headless Chromium on
LiteRT.js, and through the Kotlin, compiled and run over a LiteRT that computes nothing but knows
the interpreter's answers: it shows that every byte goes in and comes out as it should, not what a
phone computes. Wrong uses: what each wrapper says; in the Swift the same words are looked for.
Pictures: photographs brought to size, beside what training did to them. Unpacking: milliseconds
of a processor for 1 MB of weights. Needs chromium, Node.js with npm, Java, and in
KOTLIN_COMPILER the folder of npm's kotlin-compiler; what is not there is left out. Ten minutes.

Exit codes: 0 all answers are the same and all wrong uses are refused, 1 bad input, 2 an error of
ours, 3 an answer differs or a wrong use is not refused.
"""

import pathlib
import re
import sys
import tempfile
import time

from absl import flags, logging
from tfedge_pipelines import entry
from tfedge_tools import markdown

_FLAGS = flags.FlagValues()
_NAMES = ["answers", "wrong_uses", "pictures", "unpacking"]
_TABLE = flags.DEFINE_multi_enum("table", _NAMES, _NAMES, "Which of them.", flag_values=_FLAGS)
_DIFFERS = 3
_NOT_HERE = "not here"
_LONGEST = 80


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Prints the tables; the exit code."""
    tables = {
        "answers": answers,
        "wrong_uses": wrong,
        "pictures": pictures_of,
        "unpacking": unpacking_ms,
    }
    good = True
    for name in _TABLE.value:
        with tempfile.TemporaryDirectory() as place:
            shown, is_good = tables[name](pathlib.Path(place))
        sys.stdout.write(f"\n{shown}\n")
        good = good and is_good
    return entry.OK if good else _DIFFERS


def answers(place: pathlib.Path) -> tuple[str, bool]:
    """The table of held-out answers, and whether all are equal."""
    from tfedge_tools.benchmarks.apps import comparison, javascript, kotlin, trained

    subjects = {}
    for name in trained.NETWORKS:
        logging.info("training and releasing %s", name)
        subjects[name] = trained.release(name, place / "releases")
    rows = []
    if javascript.CHROMIUM:
        for name, network in trained.NETWORKS.items():
            if "web" in network.platforms:
                folder, packed = place / "web" / name, name == "classifier"
                rows += comparison.in_chromium(subjects[name], folder, packed=packed)[0]
    if kotlin.is_here():
        rows += comparison.in_kotlin(list(subjects.values()), _made(place / "android"))
    cells = [
        [
            *(trained.NETWORKS[each.subject].about, each.output, each.platform),
            *(f"{each.equal} of {each.total}", str(each.identical), f"{each.apart:.1g}"),
        ]
        for each in rows
    ]
    head = ["release", "output", "in", "same answer", "of them bit for bit", "largest difference"]
    return markdown.table(head, cells), all(each.equal == each.total for each in rows)


def wrong(place: pathlib.Path) -> tuple[str, bool]:
    """The table of wrong uses, and whether each is refused wherever it can be written."""
    from tfedge_tools.benchmarks.apps import javascript, kept, kotlin, wrong_uses
    from tfedge_tools.benchmarks.apps.subject import Subject

    cases = kept.all_cases()
    subjects = {
        name: Subject(
            name, kept.publish(cases[name], place / "releases" / name), cases[name].task, 1
        )
        for name in wrong_uses.KINDS
    }
    said: dict[str, str] = {}
    untyped: list[str] = []
    if kotlin.is_here():
        said, untyped = wrong_uses.in_kotlin(subjects, _made(place / "android"))
    browser = wrong_uses.in_javascript(subjects, _made(place / "web")) if javascript.NODE else {}
    swift = wrong_uses.in_swift(subjects)
    rows, good = [], True
    for use in wrong_uses.USES:
        in_kotlin = _NOT_HERE if use.kotlin and not said else said.get(use.name, "")
        if use.name in untyped:
            in_kotlin = "does not compile"
        in_web = _NOT_HERE if use.javascript and not browser else browser.get(use.name, "")
        typed = bool(use.kotlin) and not use.kotlin_says
        in_swift = "refused" if use.swift_has else "a type" if typed else ""
        good = good and swift.get(use.name, True)
        good = good and (in_kotlin == _NOT_HERE or use.kotlin_says in in_kotlin)
        good = good and (in_web == _NOT_HERE or use.javascript_says in in_web)
        rows.append([use.name, *map(_first, (in_kotlin, in_web)), in_swift])
    return markdown.table(["wrong use", "Kotlin", "JavaScript", "Swift, as written"], rows), good


def pictures_of(place: pathlib.Path) -> tuple[str, bool]:
    """The table of pictures, and whether no lossless one differs."""
    from tfedge_tools.benchmarks.apps import javascript, kept, kotlin, pictures
    from tfedge_tools.benchmarks.apps.subject import Subject

    case = kept.all_cases()["uint8_raw"]
    subject = Subject("pictures", kept.publish(case, place / "release"), case.task, 1)
    rows = pictures.in_chromium(subject, _made(place / "web")) if javascript.CHROMIUM else []
    rows += pictures.in_kotlin(subject, _made(place / "android")) if kotlin.is_here() else []
    cells = [
        [each.picture, each.platform, f"{each.values:,}", f"{each.differing:,}", str(each.apart)]
        for each in rows
    ]
    head = ["picture", "in", "values", "differing", "levels of 255 at most"]
    exact = (each for each in rows if each.picture in pictures.EXACT or each.platform == "Kotlin")
    return markdown.table(head, cells), not any(each.differing for each in exact)


def unpacking_ms(place: pathlib.Path) -> tuple[str, bool]:
    """The table of milliseconds of a processor; what does not come back fails before."""
    from tfedge_tools.benchmarks.apps import javascript, kept, kotlin, unpacking
    from tfedge_tools.benchmarks.apps.subject import Subject

    import tfedge

    case = kept.all_cases()["uint8_raw"]
    subject = Subject("vectors", kept.publish(case, place / "release"), case.task, 1)
    vectors = {}
    for name, content in unpacking.megabytes().items():
        vectors[name] = (tfedge.pack(content), content)
    times: dict[str, dict[str, float]] = {"Python": {}}
    for name, (packed, _) in vectors.items():
        started = time.process_time()
        tfedge.unpack(packed)
        times["Python"][name] = 1000 * (time.process_time() - started)
    if javascript.NODE:
        times["JavaScript (Node)"] = unpacking.in_node(subject, vectors, _made(place / "web"))
    if kotlin.is_here():
        times["Kotlin (Java 17)"] = unpacking.in_kotlin(subject, vectors, _made(place / "android"))
    rows = [
        [
            name,
            f"{len(content):,}",
            f"{len(packed):,}",
            *(f"{ms[name]:.0f}" for ms in times.values()),
        ]
        for name, (packed, content) in vectors.items()
    ]
    heads = [f"{place}, ms" for place in times]
    return markdown.table(["weights", "bytes", "packed", *heads], rows), True


def _made(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    return folder


def _first(words: str) -> str:
    """As a cell: short, without names of this run's folders."""
    said = words.split("\n", maxsplit=1)[0]
    said = re.sub(r"(file://)?/\S+/", "", said)
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} ..."


if __name__ == "__main__":
    run()
