"""What the report and the model card are made from: the objects of one release, read once."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfedge.device.file import tflite
from tfedge.release.report import answers, sensitivity
from tfedge.release.statistics import paired

if TYPE_CHECKING:
    from tfedge.data.hygiene import Findings
    from tfedge.data.task import Task
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.gate.verdict import Verdict

DEFAULT_SHOWN = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Facts:
    """One release or one rejected candidate.

    Attributes:
        name: of the model.
        scorecard: of its evaluation.
        verdict: of the gate.
        tflite_bytes: the candidate.
        task: what it was judged on.
        baseline: the file it was compared with.
        recipe: the content of recipe.json, {} where none was used.
        reports: one dict a pass: name, settings, touched, skipped, notes, seconds.
        command: repeats the release.
        findings: of the checks of all splits; None where only the held-out split was read.
        sensitivities: by layer; see `sensitivity`.
        report_examples: how many held-out examples may be shown; 0 keeps users' data out.
        enclosed: other files of the release, by name.
        kept_as: the name under which a candidate that was not released is kept; "" for none.
    """

    name: str
    scorecard: "Scorecard"
    verdict: "Verdict"
    tflite_bytes: bytes
    task: "Task"
    baseline: bytes | None = None
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reports: Sequence[Mapping[str, Any]] = ()
    command: str = ""
    findings: "Findings | None" = None
    sensitivities: sensitivity.Sensitivities = dataclasses.field(
        default_factory=sensitivity.Sensitivities
    )
    report_examples: int = DEFAULT_SHOWN
    enclosed: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    kept_as: str = ""

    @functools.cached_property
    def file(self) -> tflite.TfliteFile:
        """The candidate, read; nothing in it is run."""
        return tflite.read(self.tflite_bytes)

    @functools.cached_property
    def baseline_file(self) -> tflite.TfliteFile | None:
        """Likewise of the baseline."""
        return None if self.baseline is None else tflite.read(self.baseline)

    @functools.cached_property
    def answered(self) -> answers.Answered | None:
        """What both models decide, where targets are classes."""
        return answers.answered(self)

    @functools.cached_property
    def scores(self) -> dict[str, Any]:
        """The content of scorecard.json."""
        return self.scorecard.to_json()

    @functools.cached_property
    def decided(self) -> dict[str, Any]:
        """The content of verdict.json."""
        return self.verdict.to_json()

    @property
    def files_beside(self) -> tuple[str, ...]:
        """Files that stand beside the report, the model first; none where nothing was made."""
        if not self.recipe:
            return ()
        model = "model.tflite" if self.verdict.outcome == paired.PASS else self.kept_as
        papers = ("MODEL_CARD.md", "recipe.json", "scorecard.json", "verdict.json")
        return (model, *papers) if model else papers

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the checks of data and model found."""
        return self.findings.warnings if self.findings else ()
