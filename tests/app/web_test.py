"""The JavaScript, run by Node over a runtime that answers what the interpreter answered."""

import json

import numpy as np
import pytest
from PIL import Image
from tfedge_tools.benchmarks.apps import javascript, pictures, wrong_uses
from tfedge_tools.benchmarks.apps.subject import Subject

from tfedge.data.reading import resizing

needs_node = pytest.mark.skipif(javascript.NODE is None, reason="Node.js is not here")
CASES = ("uint8_raw", "float", "regression")


@pytest.fixture(scope="module")
def subjects(cases, released):
    """By name."""
    names = (*CASES, "two_ends")
    return {name: Subject(name, released(name), cases[name].task, 32) for name in names}


@pytest.fixture(scope="module")
def page(tmp_path_factory, subjects):
    """page(case, packed=...) -> a folder with the code and what stands for its runtime."""
    made = {}

    def make(name, packed=False):
        if (name, packed) not in made:
            place = tmp_path_factory.mktemp("web") / name
            folder = javascript.written(subjects[name], place, packed=packed)
            made[name, packed] = javascript.with_stub(folder, subjects[name])
        return made[name, packed]

    return make


@needs_node
@pytest.mark.parametrize(
    ("name", "packed"), [*((name, False) for name in CASES), ("uint8_raw", True)]
)
def test_raw_examples_get_the_answers_that_the_interpreter_gives(name, packed, page, subjects):
    inputs = javascript.row(subjects[name].model("web").inputs)
    found = javascript.node(
        page(name, packed),
        f"""
        const model = await TinyNet.load();
        const answers = [];
        for (const row of read('rows.json')) {{
          const found = Object.entries(await model.run({inputs}));
          answers.push(Object.fromEntries(found.map(([key, v]) => [key, Array.from(v)])));
        }}
        say({{answers, counted}});
        """,
    )
    for output, real in subjects[name].answers().items():
        theirs = np.array([row[output] for row in found["answers"]], np.float32)
        assert len(theirs) == 32
        np.testing.assert_allclose(theirs, real.reshape(32, -1), rtol=1e-6, atol=0)
    assert found["counted"]["open"] == 0  # every tensor was freed


@needs_node
@pytest.mark.parametrize("name", CASES)
def test_the_self_check_passes_and_sees_another_answer(name, page):
    code = """
        const model = await TinyNet.load();
        const first = await model.selfCheck();
        const golden = readFileSync(new URL('golden.bin', import.meta.url));
        golden[golden.length - 1] ^= 0x40;
        const fetched = globalThis.fetch;
        globalThis.fetch = async (address) => String(address).endsWith('golden.bin')
          ? {ok: true, arrayBuffer: async () => new Uint8Array(golden).buffer} : fetched(address);
        say([first, await model.selfCheck()]);
        """
    good, bad = javascript.node(page(name), code)
    assert good["passed"] and good["examples"] == 8 and set(good["differences"].values()) == {0}
    assert not bad["passed"] and max(each or 1e9 for each in bad["differences"].values()) > 1e-4


@needs_node
def test_runs_at_the_same_time_do_not_mix(page):
    alone, together = javascript.node(
        page("uint8_raw"),
        """
        const model = await TinyNet.load();
        const inputs = read('rows.json').map(([image]) => ({image: Uint8Array.from(image)}));
        const found = async (input) => Array.from((await model.run(input)).output);
        const alone = [];
        for (const input of inputs) alone.push(await found(input));
        say([alone, await Promise.all(inputs.map(found))]);
        """,
    )
    assert alone == together and len(set(map(tuple, alone))) > 1


@needs_node
def test_wrong_uses_are_refused(subjects, tmp_path):
    said = wrong_uses.in_javascript(subjects, tmp_path)
    for use in wrong_uses.USES:
        if use.javascript:
            assert use.javascript_says in said[use.name], f"{use.name}: {said[use.name]}"


@needs_node
def test_a_packed_file_that_is_damaged_anywhere_is_refused_or_shows_by_its_hash(page):
    flipped, cut = javascript.node(
        page("uint8_raw", packed=True),
        """
        const {unpack} = await import('./unpack.js');
        const bytes = (name) => new Uint8Array(readFileSync(new URL(name, import.meta.url)));
        const [whole, primer] = [bytes('model.tflite.packed'), bytes('tfedge_primer.lzma')];
        const content = await unpack(whole, primer, 3832);
        const outcome = async (packed) => {
          try {
            const found = await unpack(packed, primer, 3832);
            return Buffer.compare(found, content) ? 'other' : 'same';
          } catch (cause) {
            return /^the packed model is damaged: /.test(cause.message) ? 'refused' : cause.message;
          }
        };
        const [flipped, cut] = [new Set(), new Set()];
        for (let at = 37; at < whole.length; at++) {
          flipped.add(await outcome(whole.with(at, whole[at] ^ 32)));
        }
        for (let size = 0; size < whole.length; size++) {
          cut.add(await outcome(whole.subarray(0, size)));
        }
        say([[...flipped], [...cut]]);
        """,
    )
    assert set(flipped) == {"refused", "other"} and cut == ["refused"]


@needs_node
def test_a_model_with_other_tensors_is_refused(page, cases):
    folder = page("float")
    known = json.loads((folder / "answers.json").read_text())
    try:
        other = {**known, "inputs": [{**known["inputs"][0], "shape": [1, 8, 9, 1]}]}
        (folder / "answers.json").write_text(json.dumps(other))
        said = javascript.node(folder, "say(await told(() => TinyNet.load()));")
    finally:
        (folder / "answers.json").write_text(json.dumps(known))
    assert "the model has no tensor 'image' of 64 float32" in said


@needs_node
@pytest.mark.parametrize("size", [(8, 8), (19, 13), (5, 3)])
def test_a_picture_becomes_the_input_that_training_made_of_it(size, page):
    folder = page("uint8_raw")
    colours = np.random.default_rng(1).integers(0, 256, (*size, 4), np.uint8)
    (folder / "picture.json").write_text(json.dumps(colours.reshape(-1).tolist()))
    found = javascript.node(
        folder,
        f"""
        const data = Uint8ClampedArray.from(read('picture.json'));
        say(Array.from(made.pictureInput({{data, width: {size[1]}, height: {size[0]}}})));
        """,
    )
    grey = np.asarray(Image.fromarray(colours[..., :3]).convert("L"))[..., np.newaxis]
    expected = np.rint(resizing.resize(grey, (8, 8)).astype(np.float64) * 16 / 255)
    np.testing.assert_array_equal(np.reshape(found, (8, 8, 1)), expected)


@needs_node
def test_classes_come_by_name_the_likeliest_first(page, cases):
    folder = page("uint8_raw")
    x = cases["uint8_raw"].task.holdout.x[0]
    (folder / "one.json").write_text(json.dumps(x.reshape(-1).tolist()))
    found = javascript.node(
        folder,
        """
        const model = await TinyNet.load();
        const {output} = await model.run({image: Uint8Array.from(read('one.json'))});
        // A picture whose grey is 0..255 for 0..16 gives the same input.
        const grey = read('one.json').map((value) => Math.round(value * 255 / 16));
        const data = Uint8ClampedArray.from(grey.flatMap((v) => [v, v, v, 255]));
        const ranked = await model.classify({data, width: 8, height: 8}, 4);
        say([Array.from(output), ranked, made.LABELS]);
        """,
    )
    scores, ranked, labels = found
    order = sorted(range(4), key=lambda index: (-scores[index], index))
    assert [each["index"] for each in ranked] == order
    assert [each["label"] for each in ranked] == [labels[index] for index in order]
    assert labels == ["a", 'b "quoted"', "c $x", "d\\"]
    assert [each["score"] for each in ranked] == [scores[index] for index in order]


@needs_node
def test_pictures_are_brought_to_size_in_every_way_as_in_training(page, subjects):
    folder, draw, wanted = page("uint8_raw"), np.random.default_rng(1), {}
    sizes = [(19, 13), (5, 90), pictures.SIZE]
    given = {f"{size}": draw.integers(0, 256, (*size, 4), np.uint8) for size in sizes}
    listed = {name: [*each.shape[:2], each.reshape(-1).tolist()] for name, each in given.items()}
    (folder / "pictures.json").write_text(json.dumps(listed))
    for way in pictures.ways():
        code = pictures.code(subjects["uint8_raw"], "web", way)["model.js"]
        (folder / f"{way.name}.js").write_bytes(code)
        for name, each in given.items():
            mode = "L" if way.channels == 1 else "RGB"
            pixels = np.asarray(Image.fromarray(each[..., :3]).convert(mode))
            shaped = pixels.reshape(*each.shape[:2], way.channels)
            size = resizing.resize(shaped, pictures.SIZE, way.interpolation, way.fit)
            wanted[f"{way.name} {name}"] = size.reshape(-1).tolist()
    found = javascript.node(
        folder,
        f"""
        const found = {{}};
        for (const way of {[way.name for way in pictures.ways()]}) {{
          const {{pictureInput}} = await import(`./${{way}}.js`);
          for (const [name, [height, width, values]] of Object.entries(read('pictures.json'))) {{
            const data = Uint8ClampedArray.from(values);
            found[`${{way}} ${{name}}`] = Array.from(pictureInput({{data, width, height}}));
          }}
        }}
        say(found);
        """,
    )
    assert found == wanted
