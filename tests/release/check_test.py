from tfedge.release import check


def test_identifiers_as_people_write_them():
    assert check.in_words("macro_f1") == "macro F1"
    assert check.in_words("mean_iou:left_eye") == "mean IoU of left eye"
    assert check.spoken("auc:b") == "AUC of b"
    assert check.spoken("accuracy") == "Accuracy"
