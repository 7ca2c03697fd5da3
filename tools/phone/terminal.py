"""A phone's result as a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfedge_tools.phone import results

_TIMES = {
    "p50": "median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "mean": "mean",
    "first": "first run",
    "load": "loading",
}


def show(
    kind: str, found: Mapping[str, Any], verdict: Mapping[str, Any] | None, width: int | None
) -> None:
    """Prints it, and what the verdict makes of it."""
    from rich import box, table
    from tfedge_pipelines import screen

    out = screen.make(width=width)
    shown = table.Table(title=kind, title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    for label, value in _rows(found):
        shown.add_row(label, value)
    out.print(shown, markup=False, highlight=False)
    if kind == "browser_wasm":
        out.print("A browser's figures, which no gate decides by.")
    elif verdict is not None:
        checks = [check for check in verdict["checks"] if check["name"] == "phone_latency"]
        said = " ".join(f"{check['outcome']}: {check['reason']}" for check in checks)
        out.print(f"{said} The verdict: {verdict['outcome']}.", markup=False, highlight=False)


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "device", str(found["device"])
    yield "runtime", str(found["runtime"])
    if "failure" in found:
        yield "did not run", f"{found['failure']['kind']}: {found['failure']['detail']}"
        return
    for name, label in _TIMES.items():
        if name in ("p50", "p90") or found.get(name) is not None:
            yield label, results.ms(found.get(name))
    threads = found.get("threads")
    yield "runs, threads", f"{found['runs']:,}, {'not told' if threads is None else threads}"
    if "delegated_fraction" in found:
        yield "delegated", f"{found['delegated_fraction']:.0%} by {found['delegate']}"
    for name in ("overall_memory_bytes", "peak_memory_bytes"):
        if name in found:
            yield name.removesuffix("_bytes").replace("_", " "), f"{found[name]:,} bytes, about"
    golden = found.get("golden")
    if golden:
        yield "outputs as on this computer", f"{golden['identical']} of {golden['examples']}"
        if golden["metric"]:
            both = f"{golden['value']:.4g}, here {golden['here']:.4g}"
            yield f"{golden['metric'].replace('_', ' ')} on them", both
