"""What import rules cannot say: passes are found by file name, so no rule can list them."""

import ast
import pathlib
import subprocess
import sys

import tfedge

PACKAGE = pathlib.Path(tfedge.__file__).parent


def _imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_passes_import_no_pass():
    for file in (PACKAGE / "compress" / "passes").glob("*.py"):
        passes = [name for name in _imported(file) if ".compress.passes." in name]
        assert set(passes) <= {"tfedge.compress.passes.base"}, file.name


def test_only_one_module_imports_a_keras():
    for file in PACKAGE.rglob("*.py"):
        if file == PACKAGE / "compress" / "keras.py":
            continue
        roots = {name.split(".")[0] for name in _imported(file)}
        assert not roots & {"keras", "tf_keras"}, file
        assert "tf.keras" not in file.read_text(encoding="utf-8"), file


def test_import_tfedge_loads_neither_tensorflow_nor_numpy():
    code = "import sys, tfedge; sys.exit(len({'tensorflow', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_script_beside_a_clone_that_is_called_tfedge_imports_the_package(tmp_path):
    (tmp_path / "tfedge").symlink_to(pathlib.Path(__file__).parents[1])
    (tmp_path / "mine.py").write_text("import tfedge, tfedge_tools\nprint(tfedge.BadInput)\n")
    command = [sys.executable, "mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_search_is_asked_for_without_tensorflow():
    code = "import sys; from tfedge.search import finding; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_recipe_and_pass_is_read_without_tensorflow():
    code = """
import sys
from tfedge.compress import recipe, recipes
for text in (*recipes.RECIPES, *recipe.available(), "prune(final_sparsity=0.8), quantize(bits=4)"):
    recipe.Recipe.parse(text)
heavy = {"tensorflow", "tf_keras", "keras", "scipy", "sklearn", "h5py", "tensorly"}
sys.exit(", ".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
