import pytest

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
        ("int9", ["'int9'", "did you mean 'int8'", "float16"]),
        ("int5", ["'int5'", "did you mean 'int8'", "int16x8, int4"]),
        ("int8(imput='uint8')", ["'imput'", "did you mean 'input'"]),
        ("int8(input='uint9')", ["did you mean 'uint8'", "float32, int8, uint8"]),
        ("float32(output='int8')", ["Use one of float32."]),
        ("int8(raw_input=1)", ["raw_input takes True or False, not 1"]),
        ("int8(input=print())", ["expected a name or name(option=value)"]),
        ("int8(algorithm='gtpq')", ["algorithm='gtpq'", "min_max, mse, octav, gptq"]),
        (
            "float32(algorithm='mse')",
            ["algorithm means nothing", "dynamic or int8 or int16x8 or int4"],
        ),
        ("int8(block_size=32)", ["block_size means nothing", "Use int4."]),
        ("int4(block_size=32)", ["only under float activations"]),
        ("dynamic(few_bit_scales=False)", ["few_bit_scales means nothing", "int8 or int4"]),
        ("int4(allow_flex=True)", ["allow_flex means nothing"]),
        ("int4(activations='float', block_size=48)", ["block_size=48", "32, 64, 128, 256"]),
        ("int4(activations='float', block_size=32, algorithm='gptq')", ["gptq knows no blocks"]),
        ("int4(activations='float', input='int8')", ["input", "Use one of float32."]),
        ("dynamic(precision={'a': 'int16x8'})", ["int16x8 does not go with float activations"]),
        ("int8(precision='some')", ["precision='some'", '"auto"']),
        ("int8(precision={'a': 'int9'})", ["'int9'", "float32, float16, int8, int16x8, int4"]),
        ("int8(precision={'a': f()})", ["expected a name"]),
        ("int8(tolerance=0.1)", ['Use precision="auto".']),
        ("int8(precision='auto', tolerance=-1)", ["tolerance=-1", "between 0 and 1"]),
        ("int8(precision='auto', tolerance=2)", ["tolerance=2", "between 0 and 1"]),
        ("int8(algorithm='mse', allow_flex=True)", ["allow_flex"]),
        ("int8('uint8')", ["expected a name or name(option=value)"]),
        ("int8(**{})", ["there is no option None"]),
        ("__import__('os').system('true')", ["expected a name"]),
        ("int8(", ["expected a name"]),
        ("", ["expected a name"]),
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
