"""A page with the client, in Node over known answers: what it makes of a later version."""

import json

import numpy as np
import pytest
from tfedge_tools.benchmarks.apps import javascript, kept
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge import app
from tfedge.app import platforms, reading
from tfedge.app.asked import Asked
from tfedge.delivery import at_rest, keyring, rotation, trust
from tfedge.device.file import tflite

needs_node = pytest.mark.skipif(javascript.NODE is None, reason="Node.js is not here")
WEB = platforms.find("web")
RELEASED = Asked(examples="released")


@pytest.fixture(scope="module", name="believed")
def made_trust(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at_rest, "COST", 1 << 4)
        ring = keyring.Keyring([folder / "keys"], lambda _: b"correct horse")
        rotation.begin(folder / "repository", ring)
    root = (folder / "repository" / "metadata" / "1.root.json").read_bytes()
    path = folder / "trust.json"
    path.write_bytes(trust.Trust(root, "app", bytes(range(32))).to_bytes())
    return path


@pytest.fixture(scope="module", name="page")
def made_page(cases, released, believed, tmp_path_factory):
    """page(case) -> a folder with the module, the client, and what stands for LiteRT.js."""
    made = {}

    def make(name):
        if name not in made:
            folder = tmp_path_factory.mktemp("page") / name
            asked = Asked("TinyNet", trust=str(believed), repository="https://models.example/")
            subject = Subject(name, released(name), cases[name].task, 32)
            made[name] = javascript.with_stub(
                app.write(released(name), "web", folder, asked), subject
            )
            rows = [each.reshape(32, -1).tolist() for each in subject.rows().values()]
            (made[name] / "rows.json").write_text(json.dumps(rows[0]))
            golden = released(name).joinpath("golden.npz").read_bytes()
            (made[name] / "golden.npz").write_bytes(golden)
        return made[name]

    return make


def said(folder, code):
    start = """
        const bytes = (name) => new Uint8Array(readFileSync(new URL(name, import.meta.url)));
        const {inOrder} = await import('./delivery/golden.js');
        const {codesOf} = await import('./delivery/ends.js');
        """
    return javascript.node(folder, start + code)


@needs_node
@pytest.mark.parametrize("name", ["uint8_raw", "float"])
def test_a_version_that_came_answers_as_the_module_does(name, page, cases):
    folder = page(name)
    (folder / "later.tflite").write_bytes(cases[name].content)
    array = "Uint8Array" if name == "uint8_raw" else "Float32Array"
    ours, theirs, refused = said(
        folder,
        f"""
        const models = [await TinyNet.load(), await TinyNet.load({{}}, bytes('later.tflite'))];
        await models[1].probe(bytes('golden.npz'));
        const found = [[], []];
        for (const row of read('rows.json')) {{
          for (const i of [0, 1]) {{
            const {{output}} = await models[i].run({{image: {array}.from(row)}});
            found[i].push(Array.from(output));
          }}
        }}
        say([...found, await told(() => models[1].selfCheck())]);
        """,
    )
    assert ours == theirs and len(ours) == 32
    assert "by examples of its own" in refused


@needs_node
@pytest.mark.parametrize("name", ["uint8_raw", "float", "regression"])
def test_examples_of_a_repository_are_those_of_the_release(name, page, released):
    model = reading.read(released(name), RELEASED, WEB)
    ends = [
        [{"name": p.name, "dtype": p.dtype, "count": p.count} for p in each]
        for each in (model.inputs, model.outputs)
    ]
    found = said(
        page(name),
        f"""
        const ends = {json.dumps(ends)};
        const {{bytes: all, tolerances}} = await inOrder(bytes('golden.npz'), ...ends);
        say([Buffer.from(all).toString('hex'), tolerances]);
        """,
    )
    assert found == [model.golden.hex(), [model.tolerance(port) for port in model.outputs]]


@needs_node
def test_damaged_examples_are_refused_wherever_the_damage_is(page):
    kinds = said(
        page("uint8_raw"),
        """
        const whole = bytes('golden.npz');
        const ends = [[{name: 'image', dtype: 'uint8', count: 64}],
          [{name: 'output', dtype: 'uint8', count: 4}]];
        const good = (await inOrder(whole, ...ends)).bytes;
        const kinds = {};
        const tried = async (damaged) => {
          let kind;
          try {
            const {bytes: found} = await inOrder(damaged, ...ends);
            kind = found.length === good.length ? 'read' : 'of another length';
          } catch (error) {
            kind = error instanceof Error ? 'refused' : 'no error';
          }
          kinds[kind] = (kinds[kind] ?? 0) + 1;
        };
        for (let at = 0; at < whole.length; at++) await tried(whole.with(at, whole[at] ^ 16));
        for (let size = 0; size < whole.length; size += 7) await tried(whole.subarray(0, size));
        say(kinds);
        """,
    )
    assert kinds.keys() == {"read", "refused"}


@needs_node
@pytest.mark.parametrize("tolerance", ["true", "1e999", "-1", "null"])
def test_a_tolerance_that_is_no_number_is_refused(tolerance, page):
    folder = page("uint8_raw")
    arrays = dict(np.load(folder / "golden.npz"))
    told = arrays["about"].tobytes()
    other = told.replace(b'"tolerance": ', f'"tolerance": {tolerance}, "other": '.encode())
    assert other != told
    arrays["about"] = np.frombuffer(other, np.uint8)
    np.savez(folder / "other.npz", **arrays)
    cause = said(
        folder,
        """
        const ends = [[{name: 'image', dtype: 'uint8', count: 64}],
          [{name: 'output', dtype: 'uint8', count: 4}]];
        say(await inOrder(bytes('other.npz'), ...ends).then(() => 'read', ({message}) => message));
        """,
    )
    assert "the tolerance of 'output'" in cause


@needs_node
def test_codes_are_read_from_each_file_as_python_reads_them(page, cases):
    folder, known = page("float"), {}
    for path in sorted(kept.FILES.glob("*.tflite")):
        file = tflite.read(path.read_bytes())
        if file.signature is None:
            continue
        ends = [
            {name: codes_of(tensor) for name, tensor in each.items()}
            for each in (file.named_inputs, file.named_outputs)
        ]
        known[path.name] = [str(path), file.takes_raw_input, *ends]
    (folder / "known.json").write_text(json.dumps(known))
    found = said(
        folder,
        """
        const found = {};
        for (const [name, [path, raw, inputs, outputs]] of Object.entries(read('known.json'))) {
          const ends = [inputs, outputs].map((each) => Object.entries(each)
            .map(([name, codes]) => ({name, given: 'bytes', ...codes})));
          found[name] = await told(() => codesOf(new Uint8Array(readFileSync(path)), ...ends, raw));
        }
        say(found);
        """,
    )
    assert set(found.values()) == {"nothing was refused"} and len(found) > 10


def codes_of(tensor):
    scale = float(np.float32(tensor.scales[0])) if len(tensor.scales) else 0.0
    return {
        "scale": scale,
        "zeroPoint": int(tensor.zero_points[0]) if len(tensor.zero_points) else 0,
    }


@needs_node
def test_moved_scales_are_followed_and_what_does_not_fit_is_refused(page, cases):
    folder = page("uint8_raw")
    (folder / "later.tflite").write_bytes(cases["uint8_raw"].content)
    found = said(
        folder,
        """
        const file = bytes('later.tflite');
        const image = {name: 'image', given: 'bytes', scale: 0.0625, zeroPoint: 0};
        const output = {name: 'output', given: 'real', scale: 0.5, zeroPoint: 7};
        say([
          codesOf(file, [image], [output], true),
          await told(() => codesOf(file, [image], [output], false)),
          await told(() => codesOf(file, [{...image, scale: 0.05}], [output], true)),
          await told(() => codesOf(file, [image], [{...output, scale: 0}], true)),
          await told(() => codesOf(file, [image], [{...output, name: 'other'}], true)),
          await told(() => codesOf(file.subarray(0, 300), [image], [output], true)),
        ]);
        """,
    )
    assert found[0]["outputs"] == [{"scale": 0.00390625, "zeroPoint": 0}]
    assert "its normalization is in the file" in found[1]
    assert "'image' has other codes" in found[2] and "'output' has other codes" in found[3]
    assert "no 'other'" in found[4]
    assert "RangeError" in found[5]
