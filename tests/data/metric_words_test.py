from tfedge.data import metric_words


def test_identifiers_as_people_write_them():
    assert metric_words.in_words("macro_f1") == "macro F1"
    assert metric_words.in_words("mean_iou:left_eye") == "mean IoU of left eye"
    assert metric_words.spoken("auc:b") == "AUC of b"
    assert metric_words.spoken("accuracy") == "Accuracy"
