from tfedge.device import xnnpack_coverage


class _Interpreter:
    def __init__(self, *operators):
        self._operators = [
            {"op_name": name, "inputs": inputs, "outputs": outputs}
            for name, inputs, outputs in operators
        ]

    def _get_ops_details(self):
        return self._operators


CHAIN = [("CONV_2D", [0, 1], [2]), ("RESHAPE", [2, 3], [4]), ("SOFTMAX", [4], [5])]


def test_nothing_delegated():
    assert xnnpack_coverage.left_out(_Interpreter(*CHAIN)) == (
        0.0,
        {"CONV_2D": 1, "RESHAPE": 1, "SOFTMAX": 1},
    )


def test_everything_delegated():
    assert xnnpack_coverage.left_out(_Interpreter(*CHAIN, ("DELEGATE", [0, 1, 3], [5]))) == (
        1.0,
        {},
    )


def test_a_part_of_the_way():
    assert xnnpack_coverage.left_out(_Interpreter(*CHAIN, ("DELEGATE", [0, 1, 3], [4]))) == (
        2 / 3,
        {"SOFTMAX": 1},
    )


def test_two_parts_around_an_operator_left_out():
    parts = (("DELEGATE", [0, 1], [2]), ("DELEGATE", [4], [5]))
    assert xnnpack_coverage.left_out(_Interpreter(*CHAIN, *parts)) == (2 / 3, {"RESHAPE": 1})


def test_no_operators():
    assert xnnpack_coverage.left_out(_Interpreter()) == (0.0, {})
