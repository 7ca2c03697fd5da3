"""Layers and models of keras-hub that a file names: the package is imported where it is installed.

Nothing else that a file names is imported. Of keras-hub only what computes is opened: tokenizers
and the like read vocabularies, and a model on a phone gets ids.
"""

import importlib
from typing import Any

from tfedge import extras
from tfedge.compress import keras
from tfedge.compress.loading import config_safety
from tfedge.errors import BadInput

_PACKAGE = "keras_hub"


def know(config: Any, where: str) -> None:
    """Registers keras-hub's classes where a model's description names some.

    Args:
        config: parsed JSON.
        where: the file, for the message.

    Raises:
        BadInput: the package is not installed, or it is what reads text or images of its own.
    """
    entries = [entry for entry in config_safety.named(config) if _is_of_hub(entry)]
    if not entries:
        return
    try:
        hub = importlib.import_module(_PACKAGE)
    except ImportError as error:
        raise BadInput(
            where,
            f"it has layers of keras-hub ({entries[0]['class_name']}), which cannot be imported"
            f" ({error})",
            f"Run {extras.command('hub')}",
        ) from error
    readers = (hub.tokenizers.Tokenizer, hub.models.Preprocessor, hub.layers.ImageConverter)
    for entry in entries:
        name = entry.get("registered_name") or entry["class_name"]
        kind = keras.keras3().saving.get_registered_object(str(name))
        if isinstance(kind, type) and issubclass(kind, readers):
            raise BadInput(
                where,
                f"{name} prepares text or images, models on a phone get ids and pixels",
                "Save the backbone, or set model.preprocessor = None and save the model again.",
            )


def _is_of_hub(entry: Any) -> bool:
    module = str(entry.get("module"))
    registered = str(entry.get("registered_name"))
    return module.partition(".")[0] == _PACKAGE or registered.startswith(f"{_PACKAGE}>")
