"""What is to be made: a model, data, and texts about them, as a user gave them."""

import dataclasses
import pathlib
from typing import Any

from tfedge import cache
from tfedge.data.task import Task

DEFAULT_RECIPE = "balanced"


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        model: path as `--model` takes it, or a Keras 3 or tf_keras model.
        task: a Task, or its source as `--data` takes it.
        recipe: recipe text, name or recipe.json ("" compresses nothing).
        export: as `--export`; None takes the recipe.json's, else what the recipe prepares for.
        epochs_scale: shortens all training.
        seed: of everything; None takes the recipe.json's, else the task's.
        augment: as `--augment`; None takes the recipe.json's, else the task's.
        data_dir: where the data set is, if not in the usual place.
        custom_objects: see `loading.load_model`.
        input_shape: a fixed (height, width, channels) for a model that has none; None takes the
            recipe.json's.
        allow_flex: accept TensorFlow operators, as the export's option of that name.
        packed: also write model.tflite.packed, the file for the download; see `packing`.
        trust_recipe: let a recipe.json name Python code to run.
        cache_dir: folder of finished stages that stays, see `cache`; None takes that of the
            environment (TFEDGE_CACHE_DIR), if there is one.
        cache_gigabytes: that it may take.
    """

    model: Any
    task: Task | str
    recipe: str = DEFAULT_RECIPE
    export: str | None = None
    epochs_scale: float = 1.0
    seed: int | None = None
    augment: str | None = None
    data_dir: str | None = None
    custom_objects: str | None = None
    input_shape: tuple[int, ...] | None = None
    allow_flex: bool = False
    packed: bool = False
    trust_recipe: bool = False
    cache_dir: str | pathlib.Path | None = None
    cache_gigabytes: float = cache.DEFAULT_GIGABYTES

    @property
    def is_tflite(self) -> bool:
        """Whether the model is a .tflite, which has no layers to compress."""
        return str(self.model).endswith(".tflite")
