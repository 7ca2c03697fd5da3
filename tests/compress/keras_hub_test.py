"""Files of keras-hub, where it is installed; what its layers are made of is tested without it."""

import json
import sys
import zipfile

import numpy as np
import pytest
import randomised

import tfedge
from tfedge.compress import folding, keras, loading
from tfedge.compress.layers import kernels
from tfedge.compress.loading import hub_classes
from tfedge.device.file import tflite
from tfedge.errors import BadInput

k3 = keras.keras3()
_SIZES = {"token_ids": (6,), "segment_ids": (6,), "padding_mask": (6,)}
_NAMED = {"class_name": "BertBackbone", "module": "keras_hub.src.models.bert.bert_backbone"}


def _saved(path):
    hub = pytest.importorskip("keras_hub")
    model = hub.models.BertBackbone(
        vocabulary_size=40,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=12,
        max_sequence_length=6,
    )
    randomised.randomise(model)
    model.save(path)
    return model


def test_a_backbone_in_a_file_is_kernels(tmp_path):
    model = _saved(tmp_path / "bert.keras")
    loaded = loading.load_model(tmp_path / "bert.keras", input_shape=_SIZES)
    data = {name: np.random.default_rng(0).integers(1, 2, (3, 6)) for name in _SIZES}
    expected = model(data, training=False)
    assert randomised.apart(expected, loaded(data, training=False)) == 0
    flat = folding.flatten(loaded)
    assert randomised.apart(expected, flat(data, training=False)) <= 1e-5
    assert len(kernels.find(flat)) == 2 + 4 + 2 + 1  # tables, attention, feed-forward, pooled


def test_a_language_model_gets_caches():
    hub = pytest.importorskip("keras_hub")
    sizes = {"vocabulary_size": 20, "num_layers": 1, "hidden_dim": 8, "intermediate_dim": 12}
    backbone = hub.models.LlamaBackbone(num_query_heads=2, num_key_value_heads=1, **sizes)
    model = hub.models.LlamaCausalLM(backbone=backbone)
    ids = k3.Input((6,), dtype="int32", name="token_ids")
    alone = k3.Model(ids, model({"token_ids": ids, "padding_mask": k3.ops.ones_like(ids)}))
    randomised.randomise(alone)
    content = tfedge.to_tflite(alone, "float32(cache=6)")  # refused where caches change answers
    assert set(tflite.read(content).signatures) == {"decode", "prefill"}


def test_a_file_cannot_name_what_keras_hub_has_not(tmp_path):
    _saved(tmp_path / "bert.keras")
    with zipfile.ZipFile(tmp_path / "bert.keras") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    config |= {"class_name": "get_file", "registered_name": "keras_hub>get_file"}
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    with pytest.raises(BadInput, match="get_file comes from the module"):
        loading.load_model(tmp_path / "other.keras")


def test_tokenizers_are_not_opened():
    pytest.importorskip("keras_hub")
    named = {"class_name": "BertTokenizer", "registered_name": "keras_hub>BertTokenizer"}
    with pytest.raises(BadInput, match="BertTokenizer prepares text or images"):
        hub_classes.know({"preprocessor": named}, "a file")


def test_without_keras_hub_its_files_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(BadInput, match=r"keras-hub \(BertBackbone\).*pip install .tfedge\[hub\]"):
        hub_classes.know({"layers": [_NAMED]}, "a file")


def test_other_files_do_not_import_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    hub_classes.know({"class_name": "Dense", "module": "keras.layers"}, "a file")
