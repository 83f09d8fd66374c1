"""Which files are read for the hints, by name and nearest first."""

from pathlib import Path

from aid.models.backend import SourceText
from aid.session.neighbours import neighbours
from aid.session.workspace import View
from ces.tree import Tree
from ces.verdict import Diagnostic


def check(root: Path, files: dict[str, str], erring: str | None) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with Tree(root) as tree:
        view = View(root, tree, {})
        error = Diagnostic(file=erring, range=None, severity="error", message="no")
        known = (SourceText(path="known.py", text=""),)
        return [source.path for source in neighbours(root, view, [error], known)]


def test_an_ocaml_error_brings_its_interface_its_folder_and_the_dune_files(tmp_path: Path) -> None:
    names = (
        "lib/a.ml",
        "lib/a.mli",
        "lib/b.ml",
        "lib/dune",
        "bin/dune",
        "lib/notes.txt",
        "_build/lib/c.ml",
        "dune-project",
    )
    assert check(tmp_path, dict.fromkeys(names, "x"), "lib/a.ml") == [
        "lib/a.ml", "lib/a.mli", "lib/b.ml", "lib/dune", "dune-project", "bin/dune",
    ]  # fmt: skip


def test_a_python_error_brings_what_the_file_imports(tmp_path: Path) -> None:
    files = {
        "pkg/one.py": "from pkg.two import f\nfrom . import three\nimport src_module\nimport known\n",
        "pkg/two.py": "",
        "pkg/__init__.py": "",
        "src/src_module.py": "",
        "known.py": "",
    }
    assert check(tmp_path, files, "pkg/one.py") == ["pkg/one.py", "pkg/two.py", "pkg/__init__.py", "src/src_module.py"]


def test_a_typescript_error_brings_what_the_file_imports(tmp_path: Path) -> None:
    files = {"src/a.ts": 'import { b } from "../lib/b";\n', "lib/b.ts": ""}
    assert check(tmp_path, files, "src/a.ts") == ["src/a.ts", "lib/b.ts"]


def test_an_error_without_a_file_brings_the_dune_files(tmp_path: Path) -> None:
    assert check(tmp_path, {"dune": "", "lib/dune": "", "lib/a.ml": ""}, None) == ["dune", "lib/dune"]


def test_a_missing_file_and_a_binary_one_are_left_out(tmp_path: Path) -> None:
    assert check(tmp_path, {"b.py": "\0"}, "gone.py") == []
