import pytest

from tfedge import settings
from tfedge.errors import BadInput
from tfedge.export.options import Export


def test_plain_name():
    assert Export.parse("float32") == Export("float32")
    assert Export.parse(" int8() ").to_text() == "int8"


def test_options_make_the_round_trip():
    text = 'int8(input="uint8", raw_input=True, allow_flex=True)'
    export = Export.parse(text)
    assert (export.input, export.output, export.raw_input) == ("uint8", "float32", True)
    assert export.to_text() == text
    assert Export.parse(export.to_text()) == export


def test_a_literal_dict_and_numbers():
    text = 'int8(algorithm="mse", precision={"stem|classes": "float32", "block_.*": "int16x8"})'
    export = Export.parse(text)
    assert dict(export.precision) == {"stem|classes": "float32", "block_.*": "int16x8"}
    assert export.to_text() == text
    text = 'int8(precision="auto", tolerance=0.02)'
    assert Export.parse(text).to_text() == text and Export.parse(text).tolerance == 0.02


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("int9", ["'int9'", "Did you mean 'int8'", "float16"]),
        ("int5", ["'int5'", "Did you mean 'int8'", "int16x8, int4"]),
        ("int8(imput='uint8')", ["'imput'", "Did you mean 'input'"]),
        ("int8(input='uint9')", ["Did you mean 'uint8'", "float32, int8, uint8"]),
        ("float32(output='int8')", ['expected "float32"', 'got "int8"']),
        ("int8(raw_input=1)", ["expected True or False, got 1", "Write int8(raw_input=False)"]),
        ("int8(input=print())", ["expected a plain value"]),
        ("int8(algorithm='gtpq')", ['got "gtpq"', '"min_max", "mse", "octav", "gptq"']),
        (
            "float32(algorithm='mse')",
            ["algorithm means nothing", "dynamic or int8 or int16x8 or int4"],
        ),
        ("int8(block_size=32)", ["block_size means nothing", "or use int4."]),
        ("int4(block_size=32)", ['Write int4(activations="float", block_size=32).']),
        ("dynamic(few_bit_scales=False)", ["few_bit_scales means nothing", "int8 or int4"]),
        ("int4(allow_flex=True)", ["allow_flex means nothing"]),
        ("int4(activations='float', block_size=48)", ["got 48", "32, 64, 128, 256"]),
        ("int4(activations='float', block_size=32, algorithm='gptq')", ["one that knows blocks"]),
        ("int4(activations='float', input='int8')", ["input", 'expected "float32"']),
        ("dynamic(precision={'a': 'int16x8'})", ["one of float32, float16, int8, int4, got"]),
        ("int8(precision='some')", ['got "some"', '"auto"']),
        ("int8(precision={'a': 'int9'})", ['"int9"', "float32, float16, int8, int16x8, int4"]),
        ("int8(precision={'a': f()})", ["expected a plain value"]),
        ("int8(tolerance=0.1)", ['Write int8(precision="auto", tolerance=0.1).']),
        ("int8(precision='auto', tolerance=-1)", ["expected 0 < tolerance < 1, got -1"]),
        ("int8(precision='auto', tolerance=2)", ["expected 0 < tolerance < 1, got 2"]),
        ("int8(algorithm='mse', allow_flex=True)", ["Write int8(allow_flex=True)."]),
        ("dynamic(prefill=8)", ["expected cache beside it", "Write dynamic(cache=8)."]),
        ("int8(cache_type='int8')", ["expected cache beside it", "Write int8(cache=128)."]),
        ("dynamic(cache=1)", ["expected 0, or 2 and more, got 1"]),
        ("dynamic(cache=8, prefill=9)", ["expected 8 or less", "Write dynamic(cache=9)."]),
        ("int8(cache=8, output='int8')", ["expected none beside cache", "Write int8(cache=8)."]),
        ("int8('uint8')", ["expected a route with named settings"]),
        ("int8(**{})", ["there is no option 'None'"]),
        ("__import__('os').system('true')", ["expected a route with named settings"]),
        ("int8(", ["cannot be read", 'Write: int8(input="uint8", raw_input=True)']),
        ("", ["expected one route, got 0"]),
    ],
)
def test_refusals_name_what_is_possible(text, words):
    with pytest.raises(BadInput) as caught:
        Export.parse(text)
    for word in words:
        assert word in str(caught.value)


def test_any_route_takes_bytes_when_the_normalisation_is_baked_in():
    assert Export.parse('float16(input="uint8", raw_input=True)').input == "uint8"
    with pytest.raises(BadInput, match="input"):
        Export.parse('float16(input="uint8")')


def test_every_option_says_what_it_is_and_what_it_may_be():
    rows = {name: row for name, *row in settings.table(Export)}
    assert rows["block_size"][:2] == ["0", "one of 0, 32, 64, 128, 256"]
    assert all(described.endswith((".", ")")) for _, _, described in rows.values())
    assert "tolerance: What precision" in Export.__doc__


def test_an_option_of_earlier_releases_is_read_as_what_it_became():
    found = Export.parse('int8(input="uint8", labels=True)')
    assert found.metadata and found.to_text() == 'int8(input="uint8", metadata=True)'
