"""What may import what, how long a page may be, what may be loaded from elsewhere, which functions are services."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOUNDATION = ("config", "db", "problems", "i18n", "crypto", "columns")
# Low to high; modules of one row do not import each other.
DOMAIN = (
    ("rules",),
    ("access",),
    ("areas",),
    ("questionnaires",),
    ("fieldwork",),
    ("cases",),
    ("duties",),
    ("analysis",),
    ("maps", "exchange"),
    ("reports",),
)
RANK = {name: rank for rank, names in enumerate(DOMAIN) for name in names}
# Above the domain: they put it together for the application and the command line.
ENTRY = (
    "upgrades",
    "backups",
    "restoring",
    "opening",
    "store_checks",
    "composition",
    "form_trials",
    "serving",
    "demo",
    "commands",
    "cli",
    "migrations",
)
PURE = ("survey/cases/lifecycle.py", "survey/cases/clocks.py", "survey/questionnaires/engine.py")
IMPURE_IMPORTS = (
    "sqlalchemy",
    "sqlmodel",
    "streamlit",
    "starlette",
    "survey.db",
    "requests",
    "urllib.request",
)
PAGE_LINES = 80
# Names in specifications, not places anything is fetched from.
SPECIFICATION_HOSTS = (
    "www.w3.org",
    "openrosa.org",
    "www.opendatakit.org",
    "www.omg.org",
    "schemas.openxmlformats.org",
)
FOREIGN_HOSTS = re.compile(
    r"unpkg\.com|jsdelivr|cdnjs|googleapis|gstatic|bootcdn|\bcdn\.|tile\.openstreetmap|google-analytics"
    r"|pypi\.org/simple|pythonhosted|registry\.npmjs|tuna\.tsinghua|mirrors\.aliyun",
    re.IGNORECASE,
)
RUNNING = ("*.py", "*.js", "*.css", "*.html", "*.toml", "*.yaml", "*.lock", "*.sh", "Makefile")


def _python_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


PRODUCT = [ROOT / "app.py", ROOT / "models.py", *_python_files("pages", "survey")]


def _imports(path: Path) -> Iterator[str]:
    """Full names of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _part(path: Path) -> str:
    """To which part of the project a file belongs: app, models, pages, or the name below survey."""
    relative = path.relative_to(ROOT)
    return (
        relative.parts[1].removesuffix(".py")
        if relative.parts[0] == "survey"
        else relative.parts[0].removesuffix(".py")
    )


def _imported_part(name: str) -> str | None:
    first, _, rest = name.partition(".")
    if first == "survey":
        return rest.split(".")[0]
    return first if first in ("app", "models", "pages") else None


def _allowed(part: str) -> frozenset[str]:
    """The parts that this part may import."""
    domain = frozenset(RANK)
    foundation = frozenset(FOUNDATION)
    if part == "models":
        return frozenset({"columns"})
    if part in FOUNDATION:
        return foundation | {"models"}
    if part in RANK:
        lower = {name for name, rank in RANK.items() if rank < RANK[part]}
        return foundation | lower | {part, "models"}
    if part == "pages":
        return foundation | domain | {"ui", "pages"}
    if part == "ui":
        return foundation | domain | {"ui"}
    if part == "web":
        return foundation | domain | {"web"}
    if part in ENTRY:
        return foundation | domain | frozenset(ENTRY) | {"models", "web", "__init__"}
    return foundation | domain | frozenset(ENTRY) | {"ui", "web", "pages"}  # app


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    part = _part(path)
    wrong = [
        name
        for name in _imports(path)
        if (other := _imported_part(name)) is not None and other not in _allowed(part)
    ]
    assert wrong == []


def test_every_part_has_its_layer() -> None:
    known = {*FOUNDATION, *RANK, *ENTRY, "ui", "web", "app", "models", "pages", "__init__"}
    assert {_part(path) for path in PRODUCT} - known == set()


@pytest.mark.parametrize(
    ("package", "parts"), [("streamlit", {"app", "pages", "ui", "serving"}), ("starlette", {"web"})]
)
def test_a_framework_stays_where_it_belongs(package: str, parts: set[str]) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in PRODUCT
        if _part(path) not in parts and any(name.split(".")[0].startswith(package) for name in _imports(path))
    }
    assert users == set()


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_no_store_and_no_framework(name: str) -> None:
    assert [found for found in _imports(ROOT / name) if found.startswith(IMPURE_IMPORTS)] == []


@pytest.mark.parametrize("path", _python_files("pages"), ids=lambda path: path.name)
def test_a_page_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= PAGE_LINES


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_owns(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no module docstring"
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def _running_files() -> list[Path]:
    places = [ROOT / "app.py", ROOT / "models.py", ROOT / "pyproject.toml", ROOT / "Makefile"]
    places += [path for path in ROOT.glob("*.lock") if path.is_file()]
    for folder in ("pages", "survey", "scripts", ".streamlit", ".ci"):
        for pattern in RUNNING:
            places += (ROOT / folder).rglob(pattern)
    return sorted(
        {path for path in places if "__pycache__" not in path.parts and "node_modules" not in path.parts}
    )


@pytest.mark.parametrize("path", _running_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_names_a_foreign_host_to_load_from(path: Path) -> None:
    assert FOREIGN_HOSTS.findall(path.read_text(encoding="utf-8")) == []


def _string_constants(path: Path) -> Iterator[str]:
    """The strings a program uses: those that are no documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield node.value


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_holds_no_address_of_another_machine(path: Path) -> None:
    found = [
        host
        for text in _string_constants(path)
        for host in re.findall(r"https?://([A-Za-z0-9.-]+\.[A-Za-z]{2,})", text)
        if host not in SPECIFICATION_HOSTS
    ]
    assert found == []


# Parts of services rather than services: whoever calls them has been checked, and they take or give live rows.
PARTS_OF_SERVICES = {
    "survey.access.audit.append": "every service may add to the trail",
    "survey.access.refusals.notice": "notes that a service refused somebody",
    "survey.access.permissions.found": "is itself the check, and gives a live row",
    "survey.questionnaires.corrections.correctable": "is itself the check, and gives a live row",
    "survey.questionnaires.drafts.visitable_household": "is itself the check, and gives a live row",
}
LIVE_ROWS = ("Filling", "Household", "Subject", "Submission")


def _is_part_of_a_service(function: Callable[..., object]) -> bool:
    named = f"{function.__module__}.{function.__qualname__}"
    takes = [str(parameter.annotation) for parameter in inspect.signature(function).parameters.values()]
    return named in PARTS_OF_SERVICES or any(text.split(" ")[0] in LIVE_ROWS for text in takes)


def _domain_modules() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name in RANK
        for path in _python_files(f"survey/{name}")
    ]


@pytest.mark.parametrize("name", _domain_modules())
def test_every_public_function_that_takes_an_actor_is_a_service(name: str) -> None:
    module = importlib.import_module(name)
    unmarked = [
        function.__name__
        for function in vars(module).values()
        if inspect.isfunction(function)
        and function.__module__ == name
        and not function.__name__.startswith("_")
        and list(inspect.signature(function).parameters)[:2] == ["session", "actor"]
        and not hasattr(function, "__actions__")
        and not _is_part_of_a_service(function)
    ]
    assert unmarked == []
