import pytest
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_schedule

from tfedge.compress import schedules


@pytest.mark.parametrize(("begin", "end", "frequency", "power"), [(0, 30, 7, 3), (5, 25, 4, 1)])
def test_polynomial_decay_is_tfmots(begin, end, frequency, power):
    theirs = pruning_schedule.PolynomialDecay(0.2, 0.85, begin, end, power, frequency)
    ours = schedules.PolynomialDecay(begin, end, frequency, 0.2, 0.85, power)
    for step in range(40):
        fires, sparsity = theirs(step)
        assert ours.sparsity(step) == pytest.approx(float(sparsity), abs=1e-6)
        # Ours also fires at the last step, so that the final sparsity is always reached.
        assert ours.fires(step) == (bool(fires) or step == end)


def test_constant_sparsity_is_tfmots():
    theirs = pruning_schedule.ConstantSparsity(0.6, 3, 20, 5)
    ours = schedules.ConstantSparsity(3, 20, 5, 0.6)
    for step in range(30):
        fires, sparsity = theirs(step)
        assert ours.sparsity(step) == pytest.approx(float(sparsity))
        assert ours.fires(step) == (bool(fires) or step == 20)


def test_a_decay_of_no_length_is_at_its_end():
    for step in (4, 5):
        assert schedules.PolynomialDecay(4, 4, 1, 0.1, 0.7).sparsity(step) == pytest.approx(0.7)
    assert schedules.PolynomialDecay(4, 4, 1, 0.1, 0.7).fires(4)
