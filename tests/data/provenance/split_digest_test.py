import numpy as np

from tfedge.data import batch_split, splits
from tfedge.data.provenance import split_digest

IMAGES = np.arange(400, dtype=np.uint8).reshape(100, 4)
LABELS = np.arange(100) % 3


def test_any_input_and_any_label_changes_it():
    found = {split_digest.of(splits.ArraySplit(IMAGES, LABELS))}
    for row in (0, 57):
        changed = IMAGES.copy()
        changed[row, 1] += 1
        found.add(split_digest.of(splits.ArraySplit(changed, LABELS)))
    found.add(split_digest.of(splits.ArraySplit(IMAGES, np.roll(LABELS, 1))))
    assert len(found) == 4 and all(each.startswith("inputs and labels: ") for each in found)


def test_of_files_some_inputs_are_read():
    read = []

    def inputs(rows):
        read.append(len(rows))
        return IMAGES[rows]

    found = split_digest.of(splits.StreamSplit(inputs, lambda: LABELS))
    assert found.startswith("labels and 64 inputs: ") and sum(read) == 64
    other = split_digest.of(splits.StreamSplit(lambda rows: IMAGES[rows] + 1, lambda: LABELS))
    assert found != other


def test_of_a_stream_the_labels():
    split = batch_split.BatchSplit(lambda: [(IMAGES, LABELS)])
    assert split_digest.of(split).startswith("labels: ")


def test_objects_have_none():
    words = np.array(["a", None], object)
    assert "not available" in split_digest.of(splits.ArraySplit(words, np.zeros(2, int)))
