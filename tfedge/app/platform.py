"""What a platform declares: the types its runtime takes, and the files that it fills."""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from tfedge import errors
from tfedge.device import compatibility

if TYPE_CHECKING:
    from tfedge.app.model import Model
    from tfedge.app.port import Port


@dataclasses.dataclass(frozen=True)
class Platform:
    """A file of `platforms` holds one, as PLATFORM.

    Attributes:
        name: of the file, which `platforms.find` puts in.
        help: what it is, for `--help`.
        runtime: what runs the model there, for messages.
        types: of tensors, in numpy's names, that the runtime takes and gives.
        instead: what to export where a tensor has another type.
        can_reset: whether it runs a model that remembers the example before.
        newest: the last runtime that was released for it, where releases may need a newer one.
        templates: path in the output folder -> template; braces hold names of `Model`.
        unpacking: likewise, where the app unpacks models.
        delivering: likewise, where the app fetches models itself; empty where it has no client.
    """

    help: str
    runtime: str
    types: Collection[str]
    instead: str
    templates: Mapping[str, str]
    unpacking: Mapping[str, str]
    content: Callable[["Model"], Mapping[str, bytes]]
    delivering: Mapping[str, str] = dataclasses.field(default_factory=dict)
    can_reset: bool = True
    newest: str = ""
    name: str = ""

    def check(self, ports: "Collection[Port]", keeps_state: bool, where: str) -> None:
        """Raises BadInput for a model that the runtime does not run, or a type it does not take."""
        if keeps_state and not self.can_reset:
            cause = f"it remembers the example before (a fused LSTM), and {self.runtime} loads none"
            remedy = "Run it on Android or iOS, or train a GRU in its place, which becomes a loop."
            raise errors.BadInput(where, cause, remedy)
        for port in ports:
            if port.dtype not in self.types:
                cause = f"{port.role} {port.name!r} is {port.dtype}, not for {self.runtime}"
                raise errors.BadInput(where, cause, self.instead)

    def check_runtime(self, needed: str, where: str) -> None:
        """Raises BadInput for a model that no released runtime reads; "" needs any."""
        if needed and self.newest and compatibility.is_newer(needed, self.newest):
            cause = f"its file needs runtime {needed}, and {self.runtime} ends at {self.newest}"
            remedy = f'Release it for a profile of "runtime_version": "{self.newest}".'
            raise errors.BadInput(where, cause, remedy)

    def check_client(self, trust: str) -> None:
        """Raises BadInput for an app that is to believe a trust file and has no client."""
        if trust and not self.delivering:
            cause = f"there is no client that fetches models beside {self.runtime}"
            remedy = "Leave --trust and --repository out: a new model comes with a new app."
            raise errors.BadInput(f"--trust={trust}", cause, remedy)

    def files(self, model: "Model") -> dict[str, bytes]:
        """Path in the output folder -> content."""
        templates = {
            **self.templates,
            **(self.unpacking if model.unpacks else {}),
            **(self.delivering if model.delivered else {}),
        }
        made = {
            path.format(model=model): self._filled(template, model)
            for path, template in templates.items()
        }
        return {**made, **self.content(model)}

    def _filled(self, template: str, model: "Model") -> bytes:
        page = _environment().get_template(f"{self.name}/{template}").render(model=model)
        return _tidy(page).encode()


def _environment() -> Any:
    import jinja2  # 60 ms, which --help need not spend

    from tfedge.app import literals

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfedge.app.platforms"),
        autoescape=False,  # no markup: what comes from a file goes through the filters of literals
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(literals.FILTERS)
    return environment


def _tidy(page: str) -> str:
    """Without the empty lines that parts left out leave behind."""
    return re.sub(r"\n{3,}", "\n\n", page)
