"""Which paths an edit may name."""

import pytest

from aid.edits import check_path, clean_path


@pytest.mark.parametrize(
    "path", ["a", "lib/a.ml", ".gitignore", "a/.github/x.yml", "x..y", "naïve/𝛌.ml", "a b/c", "git"]
)
def test_may_be_edited(path: str) -> None:
    assert check_path(path) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "the path is empty"),
        ("/etc/passwd", "the path is absolute: name files relative to the workspace"),
        ("C:/x", "the path is absolute: name files relative to the workspace"),
        ("../a", "the path leaves the workspace ('..')"),
        ("a/../../b", "the path leaves the workspace ('..')"),
        ("a//b", "the path has an empty component"),
        ("a/./b", "the path has an empty component"),
        ("a\0b", "the path has control characters"),
        ("a\nb", "the path has control characters"),
        ("a\ud800", "the path has control characters"),
        ("a\\b", "the path has a backslash: separate folders by '/'"),
        (".git/hooks/post-commit", "'.git' belongs to the version control system"),
        ("sub/.GIT/config", "'.GIT' belongs to the version control system"),
        (".hg/hgrc", "'.hg' belongs to the version control system"),
        (".git./config", "'.git.' belongs to the version control system"),
        (".g\u200cit/config", "'.g\\u200cit' belongs to the version control system"),
        (".ｇｉｔ/config", "'.ｇｉｔ' belongs to the version control system"),
        ("GIT~1/config", "'GIT~1' belongs to the version control system"),
        (".git::$INDEX_ALLOCATION/x", "'.git::$INDEX_ALLOCATION' belongs to the version control system"),
        ("a/nul.txt", "'nul.txt' is a reserved name"),
        ("a /b", "the path has a component that begins or ends with a blank"),
        ("x" * 256, "the path has a component longer than 255 bytes"),
        ("/".join(["dir"] * 2000), "the path is too long"),
    ],
)
def test_may_not_be_edited(path: str, expected: str) -> None:
    assert check_path(path) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("./a/b", "a/b"),
        ("`a.ml`", "a.ml"),
        ("'a'", "a"),
        ("a\\b", "a/b"),
        ("a//b/", "a/b"),
        ("..\\x", "../x"),
        ("//x", "/x"),
    ],
)
def test_paths_are_made_plain(written: str, expected: str) -> None:
    assert clean_path(written) == expected
