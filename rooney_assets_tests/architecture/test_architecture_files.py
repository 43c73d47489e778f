"""What every file owes its reader, and what no file may hold."""

import ast
import re
from pathlib import Path

import pytest
from checkout import PACKAGES, modules, shown, text_files, tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
TESTS = "rooney_assets_tests"
FORBIDDEN_NAMES = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py"}
# Joined from parts, or this file would find itself.
ABSOLUTE = re.compile("|".join(f"/{top}/" for top in ("work", "home", "root", "Users")))
REGISTRY = re.compile(
    "|".join(
        (
            r"--(extra-)?index" + "-url",
            r"py" + r"pi\.org",
            r"pythonhosted" + r"\.org",
            r"/simple" + "/",
        )
    )
)
CLOCKS_AND_SURROUNDINGS = {
    *("os.environ", "os.getenv", "time.time", "time.time_ns", "time.monotonic", "time.sleep"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
}
UNPICKLERS = {
    *("pickle.load", "pickle.loads", "joblib.load", "cloudpickle.load", "dill.load"),
    *("pd.read_pickle", "pandas.read_pickle", "torch.load", "marshal.load", "marshal.loads"),
}


def test_no_module_is_named_after_nothing() -> None:
    found = [shown(path) for path in modules(*PACKAGES, TESTS) if path.name in FORBIDDEN_NAMES]
    assert not found, "a function lives in the room named after the question that it answers"


def test_every_module_has_a_sign_on_its_door() -> None:
    assert not [
        shown(path) for path in modules(*PACKAGES, TESTS) if not ast.get_docstring(tree(path))
    ]


def test_files_are_short() -> None:
    lengths = {
        shown(path): len(path.read_bytes().splitlines()) for path in modules(*PACKAGES, TESTS)
    }
    assert not {name: n for name, n in lengths.items() if n > MAX_FILE_LINES}


def test_functions_are_short() -> None:
    found = {
        f"{shown(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in modules(*PACKAGES, TESTS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
        and not _is_kernel(node)
    }
    assert not found


def _is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("njit" in ast.unparse(one) for one in node.decorator_list)


@pytest.mark.parametrize("pattern", [ABSOLUTE, REGISTRY], ids=["absolute path", "registry host"])
def test_no_file_names_a_machine(pattern: re.Pattern[str]) -> None:
    found = {
        f"{shown(path)}:{number}": line.strip()
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    }
    assert not found


def test_core_reads_no_clock_and_no_environment() -> None:
    assert not _uses(modules("rooney_core"), CLOCKS_AND_SURROUNDINGS)


def test_nothing_is_unpickled() -> None:
    assert not _uses(modules(*PACKAGES, TESTS), UNPICKLERS)
    allowing = [
        shown(path)
        for path in modules(*PACKAGES, TESTS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword)
        and node.arg == "allow_pickle"
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
    ]
    assert not allowing


def test_modules_that_import_dagster_keep_their_annotations() -> None:
    """A postponed annotation breaks Dagster's typed `context`, `config` and resources."""
    found = [
        shown(path)
        for path in modules("rooney_assets")
        if _imports_at_top(path, "dagster") and _imports_at_top(path, "__future__")
    ]
    assert not found


def _imports_at_top(path: Path, name: str) -> bool:
    return any(
        (isinstance(node, ast.Import) and any(one.name == name for one in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == name)
        for node in tree(path).body
    )


def _uses(paths: list[Path], names: set[str]) -> list[str]:
    return [
        f"{shown(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in paths
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and any(ast.unparse(node) == one or ast.unparse(node).endswith(f".{one}") for one in names)
    ]
