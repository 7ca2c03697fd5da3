"""A .tflite into its packed form: see FORMAT.md."""

import numpy as np

from tfedge.packing import (  # fmt: skip
    bits,
    container,
    finding,
    frequencies,
    lane_writing,
    parts,
    spans,
)

_SYMBOLS_A_LANE = 1 << 12
_COMMON_LANES = 1 << 10
_MOST_SYMBOLS_A_LANE = 1 << 16
_SMALL = 1 << 16  # files up to it are also tried in one piece


def encode(content: bytes) -> bytes:
    """See `tfedge.packing.pack`."""
    content = bytes(content)
    return assembled(content, *_found(content))


def assembled(content: bytes, written: list[spans.Span], products: list[parts.Product]) -> bytes:
    """The packed form of a file whose coded spans are known; the shortest of its modes."""
    body = _body(content, written, products) if written or products else None
    options = [] if body is None else [container.write_header(container.PARTS, content) + body]
    if body is None or len(content) <= _SMALL or len(body) > 0.95 * len(content):
        whole = container.write_header(container.WHOLE, content)
        options.append(whole + container.squeeze(content))
    packed = min(options, key=len)
    if len(content) <= container.LARGEST_EXPANSION * len(packed):
        return packed
    # A decoder would take so few bytes for so large a file for an attack.
    return container.write_header(container.WHOLE, content) + container.deflate(content)


def structure(content: bytes) -> bytes:
    """What is left of a file without what is coded: operators, shapes, names, ...

    Args:
        content: a .tflite.
    """
    return _skeleton(content, *_found(content))


def _found(content: bytes) -> tuple[list[spans.Span], list[parts.Product]]:
    """What is coded, each span in its shortest way."""
    found, products = finding.find(content)
    written: list[spans.Span] = []
    earlier: tuple[frequencies.Tables, ...] = ()
    free = parts.MOST_TABLES
    for each in found[: parts.MOST_SPANS // 2]:
        span = spans.shortest(each, earlier)
        if span is not None and span.table_count <= free:
            written.append(span)
            earlier = span.tables
            free -= span.table_count
    return written, products[: parts.MOST_SPANS // 2]


def _body(content: bytes, written: list[spans.Span], products: list[parts.Product]) -> bytes:
    planes = [plane for span in written for plane in span.planes]
    coded = [each for plane in planes for each in plane.coded]
    raw = b"".join(plane.raw for plane in planes)
    plan = _plan(written, products).to_bytes()
    skeleton = _skeleton(content, written, products)
    piece = container.squeeze(skeleton)

    lanes = _lanes(sum(len(each.places) for each in coded))
    carried = piece[: 2 * lanes]
    beginnings = np.frombuffer(carried.ljust(2 * lanes, b"\0"), "<u2")
    states, words = lane_writing.write(coded, beginnings)
    sizes = (len(plan), len(piece), len(skeleton), len(raw), lanes)
    return b"".join(
        [
            *(container.varint(size) for size in sizes),
            plan,
            piece[len(carried) :],
            raw,
            states.astype("<u4").tobytes(),
            words.astype("<u2").tobytes(),
        ]
    )


def _lanes(symbols: int) -> int:
    """Enough for numpy to be quick; as many as a long stream needs to end in bounded steps."""
    wanted = min(symbols // _SYMBOLS_A_LANE, _COMMON_LANES)
    wanted = max(wanted, -(-symbols // _MOST_SYMBOLS_A_LANE), 1)
    return min(wanted, parts.MOST_LANES)


def _plan(written: list[spans.Span], products: list[parts.Product]) -> bits.BitWriter:
    plan = bits.BitWriter()
    plan.number(len(written) + len(products), parts.COUNT_ORDER)
    place, lengths = 0, parts.RecentLengths()
    for each in _in_order(written, products):
        plan.number(each.position - place, parts.GAP_ORDER)
        _length(plan, each.length, lengths)
        place = each.position + each.length
        if isinstance(each, parts.Product):
            plan.fixed(parts.PRODUCT, parts.KIND_BITS)
            plan.number(each.factor, parts.POSITION_ORDER)
            plan.number(each.others, parts.POSITION_ORDER)
            continue
        plan.append(each.plan)
        for plane in each.planes:
            plan.append(plane.plan)
    return plan


def _length(plan: bits.BitWriter, length: int, lengths: parts.RecentLengths) -> None:
    place = lengths.place(length)
    plan.fixed(int(place is not None), 1)
    plan.number(length, parts.LENGTH_ORDER) if place is None else plan.number(place)
    lengths.add(length)


def _skeleton(content: bytes, written: list[spans.Span], products: list[parts.Product]) -> bytes:
    """The file without its spans."""
    kept, place = [], 0
    for each in _in_order(written, products):
        kept.append(content[place : each.position])
        place = each.position + each.length
    return b"".join([*kept, content[place:]])


def _in_order(
    written: list[spans.Span], products: list[parts.Product]
) -> list[spans.Span | parts.Product]:
    return sorted([*written, *products], key=lambda each: each.position)
