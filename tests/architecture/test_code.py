"""The shape of the code: arrows, sizes, words."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "shared", "seeds")
MODULE_LINES = 400
FUNCTION_LINES = 70
USUAL_FUNCTION_LINES = 40


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines without the functions that it defines."""
    inner = [
        item for item in ast.walk(node) if item is not node and isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    return total - sum((item.end_lineno or item.lineno) - item.lineno + 1 for item in inner)


def test_the_arrows_of_the_house_hold() -> None:
    script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_fits_in_the_head(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert len(source.splitlines()) <= MODULE_LINES
    assert ast.get_docstring(tree), "a module's docstring is its charter"
    for function in functions(tree):
        assert own_lines(function) <= FUNCTION_LINES, function.name
        assert function.returns is not None, f"{function.name} says what it returns"
        imports = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not imports, f"{function.name} imports inside"


def test_functions_are_usually_short() -> None:
    sizes = [own_lines(node) for path in modules() for node in functions(ast.parse(path.read_text(encoding="utf-8")))]
    short = sum(size <= USUAL_FUNCTION_LINES for size in sizes)
    assert short / len(sizes) >= 0.97
    assert sorted(sizes)[len(sizes) // 2] <= 15


def test_ids_sort_by_time() -> None:
    for path in (path for package in ("services", "shared") for path in (ROOT / package).rglob("*.py")):
        assert "uuid4" not in path.read_text(encoding="utf-8"), path


def test_lock_files_name_no_address() -> None:
    for path in ROOT.glob("requirements*.lock"):
        assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", path.read_text(encoding="utf-8"))


def test_nothing_is_left_for_later() -> None:
    for path in modules():
        assert not re.search(r"\b(TODO|FIXME|XXX)\b|NotImplementedError", path.read_text(encoding="utf-8")), path
