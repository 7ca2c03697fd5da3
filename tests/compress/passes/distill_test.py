import dataclasses

import numpy as np
import pytest

from tfedge import errors
from tfedge.compress import graph, loading, recipe, teaching
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Teacher
from tfedge.compress.training import finetune, trainer
from tfedge.data.task import ArraySplit

layers = k.tf_keras.layers


def _student(width=2, classes=3, activation="softmax", seed=1):
    k.tf_keras.utils.set_random_seed(seed)
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.Conv2D(width, 3, activation="relu", name="small")(image)
    x = layers.GlobalAveragePooling2D()(x)
    return k.tf_keras.Model(image, layers.Dense(classes, activation, name="classes")(x))


def _weights(model):
    return b"".join(weight.tobytes() for weight in model.get_weights())


@pytest.fixture
def teacher_file(network, task, tmp_path):
    tuned, _ = finetune.finetune(Candidate(network), task, finetune.Plan(4, 2e-2), "t")
    loading.save_model(tuned.to_keras3(), tmp_path / "teacher.keras")
    return str(tmp_path / "teacher.keras")


@pytest.mark.parametrize(
    "method",
    ["logits", "squared_error", "features", "attention", ("logits", "features", "attention")],
    ids=str,
)
def test_a_student_comes_to_agree_with_its_teacher(method, teacher_file, task):
    every = recipe.make(
        "distill", {"teacher": teacher_file, "method": method, "weight": 1.0, "epochs": 5}
    )
    every = dataclasses.replace(every, learning_rate=2e-2)
    done = every(Candidate(_student()), task)
    history = done.reports[-1].history
    assert history[-1]["loss"] < 0.9 * history[0]["loss"]
    assert done.reports[-1].notes["teacher_validation_accuracy"] > 0.8
    if "features" in method or "attention" in method:
        name = "attention" if method == "attention" else "features"
        assert done.reports[-1].notes[name] == [["small", "pointwise"]]
    assert len(done.model.layers) == len(_student().layers), "projections are thrown away"


@pytest.mark.parametrize("passes", ["prune(epochs=2)", "cluster(epochs=1)", "quantize(epochs=1)"])
def test_every_later_training_learns_from_it(passes, network, task):
    methods = "('squared_error', 'features', 'attention')"
    taught = recipe.Recipe.parse(f"distill(method={methods}, weight=0.9), {passes}")
    alone = recipe.Recipe.parse(passes)
    with_teacher, without = (each.apply(network, task) for each in (taught, alone))
    assert _weights(with_teacher.model) != _weights(without.model)
    assert with_teacher.teacher is not None and with_teacher.reports[-1].history


@pytest.mark.parametrize("augment", ["", "flip, mixup"])
def test_resumed_it_ends_as_it_would_have(augment, network, make_task, tmp_path, monkeypatch):
    task = make_task(augment=augment)
    text = "distill(method=('logits', 'features'), layers={'small': 'stem'}, epochs=3, teacher=%r)"
    file = tmp_path / "teacher.keras"
    loading.save_model(Candidate(network).to_keras3(), file)
    made = recipe.Recipe.parse(text % str(file))
    whole = made.apply(_student(), task)
    epoch, left = trainer.epoch, iter(range(2))

    def dying(*args):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return epoch(*args)

    monkeypatch.setattr(trainer, "epoch", dying)
    with pytest.raises(KeyboardInterrupt):
        made.apply(_student(), task, tmp_path / "work")
    monkeypatch.setattr(trainer, "epoch", epoch)
    assert _weights(made.apply(_student(), task, tmp_path / "work").model) == _weights(whole.model)


def test_between_passes_the_teacher_is_kept_and_its_file_watched(network, task, tmp_path):
    file, student = tmp_path / "teacher.keras", _student()
    loading.save_model(Candidate(network).to_keras3(), file)
    made = recipe.Recipe.parse(f"distill(teacher={str(file)!r}), prune(epochs=1)")
    first = made.apply(student, task, tmp_path / "work")
    last = made.start(student, task).keys[-1]
    (tmp_path / "work" / f"{last}.entry").unlink()
    again = made.apply(student, task, tmp_path / "work")
    assert _weights(first.model) == _weights(again.model)
    loading.save_model(Candidate(_student(4, seed=5)).to_keras3(), file)
    other = made.apply(student, task, tmp_path / "work")
    assert _weights(first.model) != _weights(other.model)
    assert len(list((tmp_path / "work").glob("*.entry"))) == 4  # each pass, with each teacher


def test_the_teachers_answers_are_kept_unless_examples_vary(network, make_task):
    task, teacher = make_task(), Teacher(network)
    lessons = teaching.Lessons(teacher, _student(), task)
    x = task.train.x
    expected = np.log(np.maximum(network(x), 1e-7))
    np.testing.assert_allclose(lessons.kept[0], expected, atol=1e-5)
    assert teaching.Lessons(teacher, _student(), task).kept is lessons.kept
    varied = teaching.Lessons(teacher, _student(), make_task(augment="flip"))
    assert varied.kept == ()
    np.testing.assert_allclose(varied.answers(x)[0], expected, atol=1e-5)


def test_a_layer_that_is_gone_is_left_out_of_the_lesson(network, task, caplog):
    teacher = Teacher(network, ("logits", "features"), layers={"gone": "stem"})
    with caplog.at_level("INFO", logger="absl"):
        finetune.finetune(Candidate(_student(), teacher=teacher), task, finetune.Plan(1, 1e-3), "t")
    assert "leaves out gone: stem, as the student has no layer 'gone'" in caplog.text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "logit"}, 'method=.logit.*one of "auto", "logits", "squared_error"'),
        ({"method": ("logits", "logits")}, "each once"),
        ({"method": ()}, "method"),
        ({"layers": {"a": "b"}}, "the method asks for no features"),
        ({"method": "features", "layers": {"a": 1}}, "'student layer': 'teacher layer'"),
        ({"temperature": 0}, "0 < temperature"),
        ({"weight": 0.0}, "0 < weight"),
        ({"weight": "much"}, "0 < weight"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(errors.BadInput, match=said):
        recipe.make("distill", settings)


def test_what_cannot_teach_is_refused_before_any_training(network, make_task, tmp_path):
    file = tmp_path / "four.keras"
    loading.save_model(Candidate(_student(classes=4)).to_keras3(), file)
    fine = tmp_path / "three.keras"
    loading.save_model(Candidate(_student()).to_keras3(), fine)
    for text, said in (
        (f"distill(teacher={str(file)!r})", r"gives \(4,\), the model \(3,\)"),
        ("distill(teacher='nowhere.keras')", "nowhere.keras"),
        (
            f"distill(teacher={str(fine)!r}, method='features', layers={{'stem': 'no'}})",
            "the teacher has no layer 'no'",
        ),
        ("distill(method='features', layers={'no': 'stem'})", "the student has no layer 'no'"),
        ("distill(method='hidden_states')", "one of the two has no residual sums"),
        ("distill(method='attention_maps')", "one of the two has no softmax between"),
    ):
        with pytest.raises(errors.BadInput, match=said):
            recipe.Recipe.parse(f"{text}, prune(epochs=1)").apply(network, make_task())


def _regression():
    x = np.random.default_rng(0).normal(size=(64, 6, 6, 1)).astype(np.float32)
    return ArraySplit(x, x.mean((1, 2, 3))), None, 1


def _multilabel():
    x = np.random.default_rng(0).normal(size=(64, 6, 6, 1)).astype(np.float32)
    return ArraySplit(x, (x[:, 0, :3, 0] > 0).astype(int)), "sigmoid", 3


@pytest.mark.parametrize(
    ("make", "method"),
    [(_regression, "squared_error"), (_multilabel, "logits"), (_multilabel, "squared_error")],
)
def test_other_tasks_learn_from_a_teacher(make, method, make_task):
    split, activation, classes = make()
    task = make_task(kind=make.__name__[1:], train=split, validation=split, calibration=split)
    student, master = (_student(w, classes, activation, seed=w) for w in (2, 8))
    made = recipe.make("distill", {"method": method, "weight": 1.0, "epochs": 6})
    made = dataclasses.replace(made, learning_rate=2e-2)
    taught = dataclasses.replace(Candidate(student), teacher=Teacher(master, (method,), weight=1.0))
    _, history = finetune.finetune(taught, task, finetune.Plan(6, 2e-2), "t")
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    own = made(Candidate(graph.rebuild(master)), task).reports[-1].history
    assert own[0]["loss"] < 0.1 * history[0]["loss"], "a student that is its teacher agrees"


@pytest.mark.parametrize(("kind", "method"), [("regression", "squared_error"), (None, "logits")])
def test_unless_told_it_takes_what_the_outputs_are(kind, method, make_task):
    split, activation, classes = _regression()
    fields = {"kind": kind, "train": split, "validation": split, "calibration": split}
    task = make_task(**(fields if kind else {}))
    candidate = Candidate(_student(2, classes, activation) if kind else _student(2, 3, "softmax"))
    assert recipe.make("distill", {})(candidate, task).teacher.methods == (method,)


def test_softened_answers_of_a_regression_are_refused_before_training(make_task):
    split, activation, classes = _regression()
    task = make_task(kind="regression", train=split, validation=split, calibration=split)
    with pytest.raises(errors.BadInput, match="Use method='squared_error'"):
        recipe.Recipe.parse("prune(epochs=1), distill(method='logits')").apply(
            _student(2, classes, activation), task
        )
