"""git and Mercurial themselves say what is ignored; ours must agree."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aid.context.ignore import Rules
from aid.context.walk import walk

TREE = (
    "a.log", "b.txt", "build/x.o", "build/keep.txt", "doc/build/y.o", "doc/index.md", "doc/deep/er/z.log",
    "src/main.ml", "src/gen/out.ml", "src/gen/keep.ml", "src/a b.txt", "foo/bar", "foo/keep/x", "deep/foo/bar",
    "#hash", "!bang", "x.a", "x.b", "[odd].txt",
)  # fmt: skip

GIT_CASES = (
    ("", "*.log"),
    ("", "build"),
    ("", "build/"),
    ("", "/build"),
    ("", "doc/build"),
    ("", "**/build/*.o"),
    ("", "doc/**"),
    ("", "doc/**/z.log"),
    ("", "foo/**\n!foo/keep\n!foo/keep/**"),
    ("", "foo/*\n!foo/keep"),
    ("", "foo/\n!foo/keep/x"),
    ("", "*\n!*/\n!*.ml"),
    ("", "*/\n!src/"),
    ("", "x.[ab]\n!x.b"),
    ("", "\\#hash\n\\!bang\n# a comment\n\n   \n"),
    ("", "src/a b.txt   "),
    ("", "\\[odd\\].txt"),
    ("", "*.log\r\nb.txt\r\n"),
    ("", "/*\n!/src\n/src/*\n!/src/gen"),
    ("src", "gen/*\n!gen/keep.ml"),
    ("src", "/main.ml"),
    ("doc", "*.md\n!index.md"),
    ("doc", "!*.log"),
    ("", "\\"),
    ("", "[a-"),
    ("", "/"),
    ("", "**"),
    ("", "foo/bar"),
    ("", "bar/"),
)


def make(root: Path, extra: Mapping[str, str]) -> None:
    for path in (*TREE, *extra):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(extra.get(path, "text\n"))


def ours(root: Path) -> set[str]:
    return {found.path for found in walk(root, Rules(root), [])}


def gits(root: Path) -> set[str]:
    """The files git would show as new, less those git keeps to itself."""
    asked = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "-z"], cwd=root, capture_output=True, check=True
    )
    return {path for path in asked.stdout.decode().split("\0") if path}


def git_init(root: Path) -> None:
    subprocess.run(["git", "init", "-q", str(root)], check=True)


@pytest.mark.parametrize(("folder", "content"), GIT_CASES)
def test_agrees_with_git(root: Path, folder: str, content: str) -> None:
    git_init(root)
    make(root, {f"{folder}/.gitignore".lstrip("/"): content})
    assert ours(root) == gits(root)


def test_a_nested_file_overrules_an_outer_one(root: Path) -> None:
    git_init(root)
    make(root, {".gitignore": "*.log\n*.ml\n", "doc/.gitignore": "!*.log\n", "src/gen/.gitignore": "!keep.ml\n"})
    assert ours(root) == gits(root)


def test_the_repositorys_own_and_the_users_excludes_count(root: Path) -> None:
    git_init(root)
    make(root, {".gitignore": "!a.log\n"})
    (root / ".git" / "info" / "exclude").write_text("*.log\nb.txt\n")
    assert ours(root) == gits(root)


def test_a_workspace_inside_a_repository_obeys_the_files_above_it(root: Path) -> None:
    git_init(root)
    make(root, {".gitignore": "*.log\n/src/gen\n", "src/.gitignore": "main.ml\n"})
    expected = {path.removeprefix("src/") for path in gits(root) if path.startswith("src/")}
    assert ours(root / "src") == expected


_SEGMENT = st.sampled_from(["*", "**", "foo", "bar", "build", "*.o", "src", "gen", "keep*", "?.log", "doc", "x.[ab]"])
_LINE = st.builds(
    lambda bang, lead, segments, tail: bang + lead + "/".join(segments) + tail,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(_SEGMENT, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(top=st.lists(_LINE, max_size=4), inner=st.lists(_LINE, max_size=2))
def test_agrees_with_git_on_any_patterns(root: Path, top: list[str], inner: list[str]) -> None:
    git_init(root)
    make(root, {".gitignore": "\n".join(top), "src/.gitignore": "\n".join(inner)})
    assert ours(root) == gits(root)


HG_CASES = (
    "\\.log$",
    "^build/",
    "^build$",
    "build",
    "syntax: glob\n*.log\nbuild",
    "syntax: glob\n*.{a,b}\ndoc/**.log",
    "syntax: glob\n**/z.log\nsrc/*.ml",
    "syntax: glob\nx.[!a]\n?.txt",
    "syntax: rootglob\n*.log\nbuild/*.o\nfoo",
    "glob:*.log\nre:^src/gen/\nrootglob:foo/bar\npath:doc/deep",
    "syntax: glob\nkeep.*  # a comment\n\\#hash\n",
    "syntax: glob\nbuild\nsyntax: regexp\n^src/[a-m]\n",
)


def hgs(root: Path) -> set[str]:
    asked = subprocess.run(["hg", "status", "-un0"], cwd=root, capture_output=True, check=True)
    return {path for path in asked.stdout.decode().split("\0") if path}


@pytest.mark.parametrize("content", HG_CASES)
def test_agrees_with_mercurial(root: Path, content: str) -> None:
    subprocess.run(["hg", "init", str(root)], check=True)
    make(root, {".hgignore": content})
    assert ours(root) == hgs(root)


def test_mercurials_includes(root: Path) -> None:
    subprocess.run(["hg", "init", str(root)], check=True)
    make(
        root,
        {
            ".hgignore": "include:more.ignore\nsubinclude:src/inner.ignore\nsubinclude:missing/x",
            "more.ignore": "\\.log$",
            "src/inner.ignore": "^gen/k\nsyntax: glob\na b.txt",
        },
    )
    assert ours(root) == hgs(root)


Write = Callable[[Mapping[str, str | bytes]], None]


def left(paths: Iterable[str]) -> list[str]:
    return sorted(path for path in paths if not path.endswith("ignore"))


def test_aidignore_ignores_more_and_takes_back(root: Path, write: Write) -> None:
    write(
        {
            ".gitignore": "*.log\n",
            ".aidignore": "!keep.log\n*.txt\n",
            "keep.log": "",
            "b.log": "",
            "c.txt": "",
            "d.ml": "",
        }
    )
    assert left(ours(root)) == ["d.ml", "keep.log"]


def test_vcs_build_and_cache_folders_are_never_entered(root: Path, write: Write) -> None:
    write({f"{name}/x.ml": "" for name in (".git", ".hg", "_build", "node_modules", "pkg/__pycache__", "target")})
    write({"target/CACHEDIR.TAG": "Signature", "a.ml": "", ".#a.ml": "", "a.ml~": "", ".a.ml.swp": ""})
    assert left(ours(root)) == ["a.ml"]


def test_broken_ignore_files_are_read_over(root: Path, write: Write) -> None:
    write({".gitignore": b"\xff\xfe[\n*.log\n", ".hgignore": "(unbalanced\n*nothing\n", "a.log": "", "b.ml": ""})
    assert left(ours(root)) == ["b.ml"]


def test_links_and_special_names_are_left_out(root: Path, write: Write) -> None:
    write({"a.ml": "", "sub/b.ml": "", "odd\nname.ml": ""})
    (root / "loop").symlink_to(root)
    (root / "link.ml").symlink_to(root / "a.ml")
    (root / "dangling.ml").symlink_to(root / "nowhere")
    (root / b"caf\xe9.ml".decode("utf-8", "surrogateescape")).write_text("")
    assert left(ours(root)) == ["a.ml", "sub/b.ml"]
