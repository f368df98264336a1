"""The house rules that no linter knows: lengths, names, words, and who may commit."""

import ast
import re
from importlib import import_module
from pathlib import Path

import app.auth
from app.errors import CATALOGUE
from app.models import Base
from app.services.imports.kinds import KINDS

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
FILES = sorted(APP.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 300, 50
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "common", "manager", "core", "misc", "base"}
ALLOWED = {"app/schemas/common.py", "app/models/base.py"}
GLOSSARY = (APP / "domain" / "GLOSSARY.md").read_text()


def place(file: Path) -> str:
    return str(file.relative_to(ROOT))


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def functions(file: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree(file)) if isinstance(node, kinds)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, without the docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        assert first.end_lineno is not None
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_a_file_has_one_subject():
    lines = {place(file): len(file.read_text().splitlines()) for file in FILES}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE} == {}


def test_a_function_fits_on_a_screen():
    lines = {f"{place(file)} {f.name}": length(f) for file in FILES for f in functions(file)}
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}


def test_a_file_says_what_it_is_for():
    assert [place(file) for file in FILES if not ast.get_docstring(tree(file))] == []


def test_a_name_says_something():
    names = {place(file) for file in FILES} - ALLOWED
    assert [n for n in names if not EMPTY_WORDS.isdisjoint(re.split(r"[_/.]", n))] == []


def test_an_exception_says_what_went_wrong():
    """Its first line is the title of the problem that a caller reads."""
    titles = {}
    for file in FILES:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                if any(re.search(r"(Exception|Error)$", base) for base in bases):
                    titles[node.name] = (ast.get_docstring(node) or "").partition("\n")[0]
    assert len(titles) > 20
    assert {name: title for name, title in titles.items() if not title.endswith(".")} == {}


def test_every_exception_of_the_http_side_has_a_status():
    modules = [app.auth, *(import_module(f"app.{n}") for n in http_side())]
    raised = {
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, Exception)
        and thing.__module__ == module.__name__
    }
    assert len(raised) > 10
    assert raised - CATALOGUE.keys() == {app.auth.UnknownKey}, "which is for the command line"


def http_side() -> list[str]:
    folders = [APP / "routers", APP / "schemas"]
    return [f"{folder.name}.{file.stem}" for folder in folders for file in folder.glob("[a-z]*.py")]


def test_services_and_queries_never_commit():
    for folder in ("services", "queries"):
        for file in (APP / folder).rglob("*.py"):
            calls = [n.func for n in ast.walk(tree(file)) if isinstance(n, ast.Call)]
            names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
            assert names.isdisjoint({"commit", "rollback"}), file


def test_every_public_function_of_the_domain_is_explained():
    for file in (APP / "domain").rglob("*.py"):
        public = [n for n in tree(file).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        for node in public:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{file.name}: {node.name}"


def names_in_glossary() -> set[str]:
    """Every name written as code in a table of the glossary."""
    rows = [line for line in GLOSSARY.splitlines() if line.startswith("|")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_table_and_column_is_in_the_glossary():
    known = names_in_glossary()
    missing = {
        name
        for table in Base.metadata.tables.values()
        for name in (table.name, *(column.name for column in table.columns))
        if name not in known
    }
    assert missing == set()


def test_the_glossary_names_nothing_twice_and_leaves_no_cell_empty():
    for line in GLOSSARY.splitlines():
        if line.startswith("| ") and not line.startswith("| English"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 4, line
            assert all(cells), line
    rows = [line.split("|")[3] for line in GLOSSARY.splitlines() if line.startswith("| ")]
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(set(names)) == sorted(names)


def test_the_readme_names_every_column_of_every_kind():
    readme = (ROOT / "README.md").read_text()
    assert [kind.name for kind in KINDS.values() if f"| {kind.told()} |" not in readme] == []
