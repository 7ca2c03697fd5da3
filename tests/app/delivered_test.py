"""The client beside the model: written where asked for, refused in a line where there is none."""

import json

import pytest

from tfedge import app, errors
from tfedge.app import platforms
from tfedge.app.asked import Asked
from tfedge.delivery import at_rest, keyring, rotation, trust

ADDRESS = "https://models.example/tiny"
CLIENT = {
    "delivery.js",
    "probe_worker.js",
    "unpack.js",
    "unpack_worker.js",
    "tfedge_primer.lzma",
    *(f"delivery/{name}.js" for name in ("client", "golden", "store", "tuf")),
}


@pytest.fixture(scope="module", name="believed")
def made_trust(tmp_path_factory):
    """A trust file as `publish.py keys trust` writes it."""
    folder = tmp_path_factory.mktemp("trust")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at_rest, "COST", 1 << 4)
        ring = keyring.Keyring([folder / "keys"], lambda _: b"correct horse")
        rotation.begin(folder / "repository", ring)
    root = (folder / "repository" / "metadata" / "1.root.json").read_bytes()
    path = folder / "trust.json"
    path.write_bytes(trust.Trust(root, "app", bytes(range(32))).to_bytes())
    return path


def written(folder):
    listing = json.loads((folder / "tfedge-files.json").read_text())
    return set(listing["files"])


@pytest.mark.parametrize("platform", platforms.names())
def test_a_platform_has_a_client_or_says_so(platform, released, believed, tmp_path):
    asked = Asked(trust=str(believed), repository=ADDRESS)
    without = written(app.write(released("uint8_raw"), platform, tmp_path / "without"))
    if platforms.find(platform).delivering:
        folder = app.write(released("uint8_raw"), platform, tmp_path / "with", asked)
        assert without < written(folder)
        readme = (folder / "README.md").read_text()
        assert f"{ADDRESS}/" in readme and "update(" in readme
    else:
        with pytest.raises(errors.BadInput, match="no client that fetches models beside"):
            app.write(released("uint8_raw"), platform, tmp_path / "with", asked)
        assert not (tmp_path / "with").exists()


@pytest.mark.parametrize("packed", [False, True])
def test_a_page_gets_the_client_and_what_it_believes(packed, released, believed, tmp_path):
    asked = Asked(trust=str(believed), repository=ADDRESS, packed=packed)
    folder = app.write(released("float"), "web", tmp_path / "page", asked)
    assert written(folder) >= CLIENT
    assert (folder / "model.tflite").exists() != packed
    lines = (folder / "delivery.js").read_text().splitlines()
    assert f'export const REPOSITORY = "{ADDRESS}/";' in lines
    assert 'export const MODEL = "tiny_net";' in lines
    start, end = "const TRUST = JSON.parse(", ");"
    said = next(line for line in lines if line.startswith(start))
    told = json.loads(json.loads(said.removeprefix(start).removesuffix(end)))
    assert told == json.loads(believed.read_text())


@pytest.mark.parametrize("given", ["trust", "repository"])
def test_one_without_the_other_is_refused(given):
    with pytest.raises(errors.BadInput, match=f"--{given}=x: .* needs --"):
        Asked(**{given: "x"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told["root"]["signatures"].clear(), "not signed by enough"),
        (lambda told: told["root"]["signed"].update(_type="targets"), "no metadata"),
        (lambda told: told.update(key="AAAA"), "a key has 32 bytes"),
    ],
)
def test_a_trust_file_that_no_client_would_believe_is_refused(
    change, words, released, believed, tmp_path
):
    told = json.loads(believed.read_text())
    change(told)
    path = tmp_path / "trust.json"
    path.write_text(json.dumps(told))
    asked = Asked(trust=str(path), repository=ADDRESS)
    with pytest.raises(errors.BadInput, match=f"--trust=.*{words}"):
        app.write(released("float"), "web", tmp_path / "page", asked)


def test_only_web_addresses_are_written_into_an_app(released, believed, tmp_path):
    asked = Asked(trust=str(believed), repository="ftp://models.example/")
    with pytest.raises(errors.BadInput, match="expected the http"):
        app.write(released("float"), "web", tmp_path / "page", asked)
