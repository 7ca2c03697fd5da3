import numpy as np
import pytest

from tfedge import errors
from tfedge.data import kinds, targets

SEGMENTATION = kinds.named("segmentation")


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([0, 1, 1], "binary"),
        ([[True], [False]], "binary"),
        ([0, 3, 1], "classification"),
        ([[2], [0]], "classification"),
        ([[0, 1], [1, 0]], "classification"),
        ([[0.0, 1.0, 0.0]], "classification"),
        ([[0, 1, 1], [0, 0, 0]], "multilabel"),
        ([0.5, 2.0], "regression"),
        ([1.0, 2.0], "regression"),
        ([[0.5, 2.0]], "regression"),
        ([[0, 2, 1], [1, 1, 0]], "segmentation"),
        ([[[0, 3], [1, 1]]], "segmentation"),
        ([[[[0, 1], [1, 0]]]], "segmentation"),
    ],
)
def test_kind_is_inferred(y, kind):
    assert kinds.of_targets(np.array(y)).name == kind


def test_canonical_returns_what_is_canonical_unchanged():
    y = {"a": np.array([0, 2])}
    assert targets.canonical(y, kinds.named("classification"), "y") is y


def test_segmentation_maps_lose_their_last_axis():
    assert SEGMENTATION.canonical(np.zeros((1, 2, 2, 1), int), "y").shape == (1, 2, 2)
    one_hot = np.eye(3)[[[[2, 0]]]]
    assert SEGMENTATION.canonical(one_hot, "y").tolist() == [[[2, 0]]]


def test_a_class_for_each_step_or_voxel_is_segmentation():
    steps = np.array([[0, 2, 1]])
    assert SEGMENTATION.canonical(steps, "y") is steps
    assert SEGMENTATION.canonical(steps[..., np.newaxis], "y").tolist() == [[0, 2, 1]]
    assert SEGMENTATION.canonical(np.eye(3)[steps], "y").tolist() == [[0, 2, 1]]
    assert targets.names(np.eye(3)[steps], SEGMENTATION) == ("0", "1", "2")
    voxels = np.arange(8).reshape(1, 2, 2, 2)
    assert SEGMENTATION.canonical(voxels, "y") is voxels
    with pytest.raises(errors.BadInput, match="2 or more axes"):
        SEGMENTATION.canonical(np.array([0, 2]), "y")
    with pytest.raises(errors.BadInput, match="kind=segmentation"):
        kinds.named("classification").canonical(np.array([[0, 2]]), "y")


def test_multilabel_keeps_rows_with_one_label():
    assert targets.canonical(np.array([[0.0, 1.0]]), kinds.named("multilabel"), "y").tolist() == [
        [0, 1]
    ]


def test_unlabelled_is_recognised():
    for like in (np.array([1, 2]), np.array([0.5]), np.array([[0, 1]], np.uint8)):
        made = targets.unlabelled(like, 4)
        assert made.shape == (4, *like.shape[1:])
        assert targets.is_unlabelled(made)
        assert not targets.is_unlabelled(like)


def test_maps_of_a_single_channel_are_not_one_hot():
    assert targets.names(np.ones((2, 3, 3, 1), int), SEGMENTATION) == ()
