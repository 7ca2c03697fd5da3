"""The parts of the packed format that are a few numbers: bits, tables, words, lanes."""

import numpy as np
import pytest

from tfedge.packing import (  # fmt: skip
    bits,
    fitting,
    frequencies,
    lane_writing,
    lanes,
    parts,
    planes,
    words,
)


def test_exp_golomb_takes_the_bits_it_should():
    plan = bits.BitWriter()
    plan.number(0)  # 1
    plan.number(3)  # 00100
    plan.number(5, 2)  # 5 + 4 = 1001 behind one zero
    plan.fixed(2, 2)
    plan.signed(-2)  # as 3
    assert plan.to_bytes() == bytes([0b10010001, 0b00110001, 0b00000000])
    reader = bits.BitReader(plan.to_bytes())
    assert [reader.number(), reader.number(), reader.number(2), reader.fixed(2)] == [0, 3, 5, 2]
    assert reader.signed() == -2


def test_a_plan_that_ends_early_or_never_is_refused():
    with pytest.raises(IndexError):
        bits.BitReader(b"\x10").fixed(9)
    with pytest.raises(ValueError, match="too long"):
        bits.BitReader(bytes(20)).number()


@pytest.mark.parametrize("levels", [[0], [0, 0], [10, 0, 3], [87] + [0] * 255, [5] * 256])
def test_frequencies_add_up_and_none_is_zero(levels):
    found = frequencies.from_levels(levels)
    assert sum(found) == frequencies.TOTAL
    assert min(found) >= 1


def test_a_level_is_a_quarter_octave():
    assert [frequencies.weight(level) for level in range(9)] == [4, 5, 6, 7, 8, 10, 12, 14, 16]


@pytest.mark.parametrize("symbols", [[0], [255], [0, 1, 2, 200, 255], list(range(256)), [3, 5]])
def test_tables_come_back_as_written(symbols):
    counts = np.random.default_rng(0).integers(1, 500, len(symbols))
    plan = bits.BitWriter()
    fitting.write_alphabet(plan, np.array(symbols, np.uint8))
    levels = fitting.levels(counts)
    fitting.write_levels(plan, levels)
    told = bits.BitReader(plan.to_bytes() + bytes(1))
    read = frequencies.read(told, 1, frequencies.read_alphabet(told))
    assert read.alphabet.tolist() == symbols
    assert read.frequencies.tolist() == [frequencies.from_levels(levels)]


def test_a_smooth_table_takes_few_bits_and_codes_near_the_entropy():
    counts = np.round(3000 * np.exp(-(np.linspace(-3, 3, 256) ** 2))).astype(np.int64) + 1
    plan, levels = bits.BitWriter(), fitting.levels(counts)
    fitting.write_levels(plan, levels)
    entropy = (counts * np.log2(counts.sum() / counts)).sum()
    taken = fitting.data_bits(counts, np.array(frequencies.from_levels(levels)))
    assert len(plan) < 600
    assert taken < 1.003 * entropy


@pytest.mark.parametrize("transform", [words.PLAIN, words.ZIGZAG, words.ROTATED])
@pytest.mark.parametrize("width", [2, 4, 8])
def test_planes_go_together_again(width, transform):
    data = np.random.default_rng(1).integers(0, 256, 24 * width, dtype=np.uint8).tobytes()
    taken_apart = words.to_planes(data, width, transform)
    assert words.from_planes(taken_apart, transform) == data


def test_small_integers_of_either_sign_have_empty_high_planes():
    high, *_, low = words.to_planes(np.array([0, -1, 1, -2], "<i4").tobytes(), 4, words.ZIGZAG)
    assert (high.tolist(), low.tolist()) == ([0, 0, 0, 0], [0, 1, 2, 3])


@pytest.mark.parametrize("lane_count", [1, 3, 64])
def test_lanes_give_back_symbols_and_what_they_began_with(lane_count):
    rng = np.random.default_rng(2)
    tables = frequencies.Tables(
        np.array([4, 9, 200], np.uint8),
        np.array([frequencies.from_levels([40, 3, 0]), frequencies.from_levels([0, 0, 9])]),
    )
    places, chosen = rng.integers(0, 3, 1001), rng.integers(0, 2, 1001)
    beginnings = rng.integers(0, 1 << 16, lane_count, dtype=np.uint16)
    coded = [planes.Coded(tables, places, chosen)]
    decoder = lanes.Decoder(*lane_writing.write(coded, beginnings))
    assert np.array_equal(decoder.symbols(tables, 1001, chosen), tables.alphabet[places])
    assert np.array_equal(decoder.finish(), beginnings)


def test_words_left_over_are_noticed():
    decoder = lanes.Decoder(np.array([lanes.LEAST_STATE]), np.array([7]))
    with pytest.raises(ValueError, match="do not end"):
        decoder.finish()


def test_an_alphabet_with_gaps_may_be_written_whole():
    counts = np.zeros(256, int)
    counts[[3, 5, 6]] = 1, 9, 2
    assert [each.tolist() for each in fitting.alphabets(counts)] == [[3, 5, 6], [3, 4, 5, 6]]
    counts[4] = 1
    assert [each.tolist() for each in fitting.alphabets(counts)] == [[3, 4, 5, 6]]


def test_a_table_that_serves_again_costs_next_to_nothing():
    rng = np.random.default_rng(3)
    first, second = (rng.choice(64, 300, p=np.arange(1, 65) / 2080).astype(np.uint8) for _ in "ab")
    table = planes.shortest(np.concatenate([first, second])).single
    assert table is not None
    alone, again = planes.shortest(second), planes.shortest(second, [table])
    assert again.coded[0].tables is again.single is table
    assert again.bits < alone.bits - 50
    stranger = np.append(second, np.uint8(200))
    assert planes.shortest(stranger, [table]).bits == planes.shortest(stranger).bits


@pytest.mark.parametrize("order", [0, 1, 4])
@pytest.mark.parametrize("value", [0, 1, 2, 3, 14, 15, 16, 1000, (1 << 24) - 1])
def test_what_a_number_takes_is_known_before_it_is_written(value, order):
    plan = bits.BitWriter()
    plan.number(value, order)
    assert len(plan) == bits.number_bits(value, order)
    for signed in (value, -value):
        plan = bits.BitWriter()
        plan.signed(signed, order)
        assert bits.BitReader(plan.to_bytes() + b"\0").signed(order) == signed


def _steps(*runs):
    """A plan of (length of the run, step to its level)."""
    plan = bits.BitWriter()
    for length, step in runs:
        plan.number(length - 1, frequencies.RUN_ORDER)
        plan.signed(step, frequencies.STEP_ORDER)
    return bits.BitReader(plan.to_bytes() + bytes(4))


def test_levels_out_of_range_are_no_table():
    top = frequencies.LARGEST_LEVEL
    assert frequencies.read_levels(_steps((2, top), (1, -top)), 3) == [top, top, 0]
    assert frequencies.read_levels(_steps(), 1) == [0]
    for runs in ([(2, top + 1)], [(2, 0), (1, -1)], [(4, 0)], [(2, 0), (2, 1)]):
        with pytest.raises(ValueError, match="makes no sense"):
            frequencies.read_levels(_steps(*runs), 3)


def _alphabet(*runs):
    """A plan of (symbols that are skipped, symbols that are taken)."""
    plan = bits.BitWriter()
    plan.fixed(0, 1)
    plan.number(len(runs) - 1)
    for skipped, taken in runs:
        plan.number(skipped, frequencies.SKIP_ORDER)
        plan.number(taken - 1, frequencies.TAKE_ORDER)
    return bits.BitReader(plan.to_bytes() + bytes(4))


def test_alphabets_end_with_the_last_byte():
    read = frequencies.read_alphabet
    assert read(_alphabet((3, 2), (4, 1))).tolist() == [3, 4, 10]
    assert read(_alphabet((250, 6))).tolist() == list(range(250, 256))
    for runs in ([(250, 7)], [(0, 255), (1, 1)]):
        with pytest.raises(ValueError, match="more than 256"):
            read(_alphabet(*runs))


def _apart(size, order, *gaps):
    plan = bits.BitWriter()
    plan.fixed(1, 1)
    plan.number(size - 1, frequencies.SIZE_ORDER)
    plan.fixed(order, frequencies.GAP_ORDER_BITS)
    for gap in gaps:
        plan.number(gap, order)
    return bits.BitReader(plan.to_bytes() + bytes(4))


def test_an_alphabet_of_symbols_that_are_far_apart():
    read = frequencies.read_alphabet
    assert read(_apart(3, 4, 5, 0, 248)).tolist() == [5, 6, 255]
    with pytest.raises(ValueError, match="more than 256"):
        read(_apart(3, 4, 5, 0, 249))
    with pytest.raises(ValueError, match="more than 256"):
        read(_apart(257, 0, *[0] * 257))


def test_sixteen_centroids_take_fewer_bits_apart_than_in_runs():
    symbols = np.arange(8, 256, 16, dtype=np.uint8)
    plan = bits.BitWriter()
    fitting.write_alphabet(plan, symbols)
    assert len(plan) == 1 + bits.number_bits(15, 3) + 3 + 16 * 5 + 15 * 0
    assert frequencies.read_alphabet(bits.BitReader(plan.to_bytes())).tolist() == symbols.tolist()
    plan = bits.BitWriter()
    fitting.write_alphabet(plan, np.arange(256).astype(np.uint8))
    assert len(plan) == 1 + 1 + 3 + bits.number_bits(255, 2)


def test_recent_lengths_come_again_from_the_last_one_on():
    lengths = parts.RecentLengths()
    assert lengths.place(64) is None
    for each in (64, 128, 64, 32):
        lengths.add(each)
    assert [lengths.place(each) for each in (32, 64, 128)] == [0, 1, 2]
    assert lengths.again(2) == 128 and lengths.place(128) == 0 and lengths.place(32) == 1
    with pytest.raises(IndexError):
        lengths.again(3)


def test_levels_reach_from_the_least_to_the_largest_weight():
    assert len(fitting._WEIGHTS) == frequencies.LARGEST_LEVEL + 1
    counts = np.array([1, frequencies.weight(frequencies.LARGEST_LEVEL) * 1000])
    assert fitting.levels(counts) == [0, frequencies.LARGEST_LEVEL]
    assert fitting.levels(np.zeros(3, int)) == [0, 0, 0]


def test_an_alphabet_is_written_in_the_shortest_way_there_is():
    random = np.random.default_rng(0)
    for size in (1, 2, 5, 30, 200):
        alphabet = np.sort(random.choice(256, size, replace=False)).astype(np.uint8)
        gaps = np.diff(alphabet.astype(int), prepend=-1) - 1
        every = [fitting._gaps(gaps, order) for order in range(1 << frequencies.GAP_ORDER_BITS)]
        plan = bits.BitWriter()
        fitting.write_alphabet(plan, alphabet)
        assert len(plan) == min(map(len, [fitting._runs(alphabet.astype(int)), *every]))
        read = frequencies.read_alphabet(bits.BitReader(plan.to_bytes()))
        assert np.array_equal(read, alphabet)
