"""How every pipeline starts and ends: flags in, an exit code out.

Each pipeline keeps its flags in a `FlagValues` of its own, so `--help` shows those and nothing
else, and two pipelines can be imported side by side.
"""

import contextlib
import functools
import logging as stdlib_logging
import os
import re
import signal
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

import tfedge_pipelines
from absl import flags, logging
from tfedge_pipelines import closed_output, supervisor

import tfedge
from tfedge import errors, extras, plain_text, settings

OK = 0
BAD_INPUT = 1
OUR_ERROR = 2

_VERBOSE = "verbose"
_VERSION = "--version"
_ILLEGAL = re.compile(r"flag --(\w+)=(.*?): (.*)", re.DOTALL)
_NO_NUMBER = ("could not convert", "invalid literal")
_NUMBERS = {"float": "a number such as 0.01", "int": "a whole number such as 8"}
_HELP = frozenset({"--help", "-help", "-h", "--helpshort", "--helpfull"})


def run(
    main: Callable[[], int | None],
    flag_values: flags.FlagValues,
    about: str | None,
    argv: Sequence[str] | None = None,
    *,
    in_child: bool = False,
    extra: str = "",
) -> None:
    """Parses the flags, calls `main` and leaves the process with its exit code.

    Args:
        main: the pipeline; returns an exit code, None for 0.
        flag_values: the pipeline's flags, not yet parsed.
        about: what `--help` shows above the flags: the pipeline's docstring.
        argv: the command line, `sys.argv` by default.
        in_child: for what takes long or loads TensorFlow: Ctrl-C then ends it at once, whatever it
            is doing and however much of it is done; see `supervisor`.
        extra: of setup.cfg, which has to be installed.

    Raises:
        SystemExit: always: 1 with one line on stderr for bad input or usage; 2 for an error of
            ours, with the traceback in a log file that the line names; 130 for Ctrl-C; 141 where
            nobody reads the output any more; else what `main` says.
    """
    argv = list(sys.argv if argv is None else argv)
    if _VERBOSE not in flag_values:  # when it is called once more
        said = "Say everything, also what few need."
        flags.DEFINE_boolean(_VERBOSE, False, said, flag_values=flag_values)
    if _HELP.intersection(argv[1:]):
        sys.stdout.write(_help(flag_values, about or ""))
        leave(OK)
    if _VERSION in argv[1:]:
        sys.stdout.write(f"tfedge {tfedge.__version__}\n")
        leave(OK)
    flags.FLAGS.mark_as_parsed()  # absl's own flags stay as they are; it warns when unread
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(_Printable("%(message)s"))
    logging.set_verbosity(logging.INFO)
    in_child = in_child and supervisor.IS_POSSIBLE
    work = functools.partial(_code, main, flag_values, argv, in_child, extra)
    try:
        code = supervisor.run(work) if in_child else work()
    except errors.BadInput as error:
        _complain(str(error))
        code = BAD_INPUT
    except KeyboardInterrupt:
        code = supervisor.INTERRUPTED
    _say_what_ended_it(code)
    leave(code)


def leave(code: int) -> NoReturn:
    """Ends the process with this code, when what was said is written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        if not closed_output.is_so(error):
            raise
        closed_output.let_go()
        code = code or closed_output.CODE
    sys.exit(code)


def tell(text: str) -> None:
    """A line on standard output, at once, whatever names are in it."""
    sys.stdout.write(f"{plain_text.printable(text)}\n")
    sys.stdout.flush()


def _code(
    main: Callable[[], int | None],
    flag_values: flags.FlagValues,
    argv: Sequence[str],
    in_child: bool,
    extra: str,
) -> int:
    """What `main` returns, or the code of what it raised, said in one line."""
    try:
        _parse(flag_values, argv)
        if extra:
            extras.require(os.path.basename(argv[0]), extra)
        logging.set_verbosity(logging.DEBUG if flag_values[_VERBOSE].value else logging.INFO)
        code = main() or OK
        sys.stdout.flush()
        return code
    except errors.BadInput as error:
        _complain(str(error))
        return BAD_INPUT
    except Exception as error:  # the last stop before the shell: whatever it is, it is ours
        if closed_output.is_so(error):
            return closed_output.CODE
        # A child's temporary files go with it, and the log has to stay.
        folder = os.path.dirname(tempfile.gettempdir()) if in_child else None
        _complain(f"{type(error).__name__}: {_one_line(error)} (log: {_log(argv, folder)})")
        return OUR_ERROR


def _say_what_ended_it(code: int) -> None:
    ended_by = code - supervisor.ENDED_BY
    if ended_by == signal.SIGINT:
        _complain(tfedge_pipelines.WHEN_INTERRUPTED)
    elif ended_by == signal.SIGKILL:
        _complain("killed, as the kernel does where memory is short: the same command goes on")
    elif ended_by > 0 and code != closed_output.CODE:
        _complain(f"ended by {signal.Signals(ended_by).name}: the same command goes on")


class _Printable(stdlib_logging.Formatter):
    def format(self, record: stdlib_logging.LogRecord) -> str:
        return plain_text.printable(super().format(record))


def _complain(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # 2>&1 | head
        sys.stderr.write(f"{plain_text.printable(text)}\n")


def _parse(flag_values: flags.FlagValues, argv: Sequence[str]) -> None:
    try:
        rest = flag_values(argv)[1:]
    except flags.UnrecognizedFlagError as error:
        remedy = settings.nearest(error.flagname, list(flag_values))
        raise errors.BadInput(f"--{error.flagname}", "unknown flag", remedy) from error
    except flags.Error as error:
        _refuse_value(flag_values, str(error))
        raise errors.BadInput("command line", _one_line(error), "See --help") from error
    if rest:
        cause = "only flags are expected here"
        raise errors.BadInput(repr(rest[0]), cause, "Write --flag=value; see --help")


def _refuse_value(flag_values: flags.FlagValues, said: str) -> None:
    """In other words than those of Python and absl, which name no flag's kind."""
    found = _ILLEGAL.match(said)
    if not found:
        return
    name, value, reason = found.groups()
    expected, remedy = _wanted(flag_values[name], reason.startswith(_NO_NUMBER))
    if expected:
        where, cause = f"--{name}={value}", f"expected {expected}, got {value!r}"
        raise errors.BadInput(where, cause, remedy)


def _wanted(flag: flags.Flag, is_no_number: bool) -> tuple[str, str]:
    """What a flag takes, "" where that is not known, and what to write."""
    kind = flag.flag_type()
    if kind == "bool":
        return "true or false", f"Write --{flag.name} or --no{flag.name}."
    if is_no_number and kind in _NUMBERS:
        return _NUMBERS[kind], "Write digits and a decimal point, no unit."
    return str(flag.parser.syntactic_help), f"See --{flag.name} in --help."


def _help(flag_values: flags.FlagValues, about: str) -> str:
    lines = [about.strip(), "", "Flags:"]
    for flag in (flag_values[name] for name in flag_values):
        default = f"  (default: {flag.default_as_str})" if flag.default else ""
        lines.append(f"  --{flag.name}{default}")
        lines += textwrap.wrap(flag.help, 92, initial_indent=" " * 6, subsequent_indent=" " * 6)
    lines += [f"  {_VERSION}", "      Show the version, and do nothing."]
    return "\n".join(lines) + "\n"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _log(argv: Sequence[str], folder: str | None) -> str:
    handle, path = tempfile.mkstemp(prefix="tfedge-", suffix=".log", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{' '.join(argv)}\n\n{traceback.format_exc()}")
    return path
