"""Rules of the house that no linter knows: names at the top level, who reads the environment, who speaks with Ray."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("classroom", "persistence", "realtime", "actors", "serve_app")


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def test_no_installed_distribution_shadows_our_names() -> None:
    taken = importlib.metadata.packages_distributions()
    for name in (*OURS, "loadtests"):
        assert set(taken.get(name, [])) <= {"lyceum"}, f"{taken[name]} also installs a package named {name}"


def test_project_cannot_be_uploaded_and_names_its_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]
    assert {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]} == set(OURS)


def test_only_settings_read_the_environment() -> None:
    for path, tree in sources():
        if path == Path("serve_app/settings.py"):
            continue
        for node in ast.walk(tree):
            read = isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.getenv", "os.environ.get", "os.environb")
            indexed = (
                isinstance(node, ast.Subscript)
                and ast.unparse(node.value) == "os.environ"
                and isinstance(node.ctx, ast.Load)
            )
            assert not read, f"{path} reads the environment"
            assert not indexed, f"{path} reads the environment"


def test_only_actors_call_remote() -> None:
    for path, tree in sources():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "remote"]
        assert not calls or path.parts[0] == "actors", f"{path} calls .remote"


def test_every_module_says_what_lives_there() -> None:
    for path, tree in sources():
        said = ast.get_docstring(tree)
        assert said or not tree.body, f"{path} has no docstring"


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {path.stem for path, _ in sources()} | {part for path, _ in sources() for part in path.parts[:-1]}
    assert not names & {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}


def test_requirements_name_no_index_and_pin_everything_with_hashes() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text()
        assert "://" not in text, f"{path.name} names a host"
        assert not re.search(r"^\s*-", re.sub(r"^\s+--hash=sha256:[0-9a-f]{64}", "", text, flags=re.MULTILINE), re.MULTILINE)
        for block in re.split(r"\n(?=\S)", text.strip()):
            if not block.startswith("#"):
                assert re.match(r"[A-Za-z0-9._-]+(\[[^\]]+\])?==\S+", block), block.splitlines()[0]
                assert "--hash=sha256:" in block, block.splitlines()[0]


def distribution(name: str) -> str:
    """A distribution's name as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(path: Path, pattern: str) -> set[str]:
    return {distribution(name) for name in re.findall(pattern, path.read_text(), re.MULTILINE)}


def asked_for(*files: str) -> set[str]:
    return {name for file in files for name in names(ROOT / f"requirements/{file}.in", r"^([A-Za-z0-9._-]+)")} - {"-r", "-c"}


def imports(tree: ast.Module) -> Iterator[str]:
    """The top-level names that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(("folders", "files"), [(OURS, ("runtime",)), (("tests", "loadtests"), ("runtime", "dev", "bench"))])
def test_what_is_imported_is_asked_for_by_name(folders: tuple[str, ...], files: tuple[str, ...]) -> None:
    # What another distribution happens to bring along is gone the day that it does without.
    at_home = {*OURS, "tests", "loadtests", *sys.stdlib_module_names}
    providers, asked = importlib.metadata.packages_distributions(), asked_for(*files)
    missing = {
        (name, *providers.get(name, ()))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in imports(ast.parse(path.read_text()))
        if name not in at_home and asked.isdisjoint(map(distribution, providers.get(name, (name,))))
    }
    assert not missing, f"imported, but in none of {files}"


def test_requirements_hold_what_the_project_asks_for() -> None:
    for wanted, pinned in (
        ("runtime", "runtime"),
        ("runtime", "dev"),
        ("dev", "dev"),
        ("bootstrap", "bootstrap"),
        ("node", "node"),
        ("bench", "bench"),
    ):
        assert asked_for(wanted) <= names(ROOT / f"requirements/{pinned}.txt", r"^([A-Za-z0-9._-]+)=="), (
            f"{wanted}.in, {pinned}.txt"
        )
