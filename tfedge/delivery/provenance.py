"""Where a model comes from: an in-toto statement, which the targets key signs like all else.

Statement v1 (https://github.com/in-toto/attestation/tree/main/spec/v1) with SLSA's provenance v1
as predicate: the files of the release by SHA-256; recipe, export and seed; fingerprints of the
model and the data that went in; versions of the tools; the verdict. No path of a computer is in it.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tfedge import foreign
from tfedge.release.publishing import manifest

STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"
_BUILD = "urn:tfedge:release:1"
_TOLD = ("recipe", "export", "seed", "augment", "epochs_scale", "class_weight")
_DIGITS = 64  # of a SHA-256
_REMEDY = "Publish it again with this tfedge."


@dataclasses.dataclass(frozen=True)
class Provenance:
    """What a statement says, as far as it is compared.

    Attributes:
        files: SHA-256 by name, of all files of the release.
        recipe: as text.
        outcome: of the verdict.
    """

    files: Mapping[str, str]
    recipe: str
    outcome: str


def of(files: Mapping[str, bytes], where: str) -> bytes:
    """The statement of a release.

    Args:
        files: of a verified release, by name.
        where: what to call it in errors.

    Raises:
        BadInput: it has no recipe, no verdict or no readable manifest.
    """
    with foreign.reading(where, "Release it again.", "nothing says where it comes from"):
        listing = json.loads(files[manifest.NAME])
        recipe, verdict = (json.loads(files[name]) for name in ("recipe.json", "verdict.json"))
        hashes = {name: {"sha256": each["sha256"]} for name, each in listing["files"].items()}
        told = {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": each} for name, each in hashes.items()],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": _BUILD,
                    "externalParameters": {name: recipe.get(name) for name in _TOLD},
                    "resolvedDependencies": _inputs(recipe, listing),
                },
                "runDetails": {
                    "builder": {"id": _BUILD, "version": recipe["versions"]},
                    "byproducts": [_verdict(verdict, hashes["verdict.json"])],
                },
            },
        }
    return (json.dumps(told, indent=1) + "\n").encode()


def read(content: bytes, where: str) -> Provenance:
    """What `of` wrote.

    Raises:
        BadInput: it is none.
    """
    told = foreign.parse_json(content, where, _REMEDY)
    with foreign.reading(where, _REMEDY, "no provenance"):
        if (told["_type"], told["predicateType"]) != (STATEMENT, PREDICATE):
            raise ValueError("a statement about something else")
        (verdict,) = told["predicate"]["runDetails"]["byproducts"]
        return Provenance(
            {each["name"]: each["digest"]["sha256"] for each in told["subject"]},
            str(told["predicate"]["buildDefinition"]["externalParameters"]["recipe"]),
            str(verdict["annotations"]["outcome"]),
        )


def _inputs(recipe: Mapping[str, Any], listing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What went in, by fingerprint; its names and paths are nobody else's business."""
    found = []
    if recipe.get("model_float32_sha256"):
        found.append({"name": "model", "digest": {"sha256": recipe["model_float32_sha256"]}})
    _, _, digest = listing.get("held_out", {}).get("fingerprint", "").rpartition(" ")
    if len(digest) == _DIGITS:  # it may be "not available", with the reason
        found.append({"name": "held-out data", "digest": {"sha256": digest}})
    return found


def _verdict(verdict: Mapping[str, Any], digest: Mapping[str, str]) -> dict[str, Any]:
    annotations = {"outcome": verdict["outcome"]}
    return {"name": "verdict.json", "digest": digest, "annotations": annotations}
