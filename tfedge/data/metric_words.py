"""What people read in place of a metric's name."""

_WRITTEN = {"auc": "AUC", "f1": "F1", "iou": "IoU"}


def in_words(name: str) -> str:
    """An identifier inside a sentence: "macro_f1" -> "macro F1", "auc:b" -> "AUC of b"."""
    own, colon, output = name.partition(":")
    words = " ".join(_WRITTEN.get(word, word) for word in own.split("_"))
    return f"{words} of {output.replace('_', ' ')}" if colon else words


def spoken(name: str) -> str:
    """The same as the start of one: "Macro F1", "AUC of b"."""
    words = in_words(name)
    return words[:1].upper() + words[1:]
