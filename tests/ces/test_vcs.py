"""Git and Mercurial on real repositories; both answer the same."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ces import vcs
from ces.errors import InfraError
from ces.vcs import FileState, Vcs

INDEPENDENT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HGRCPATH": "", "HGUSER": "a"}
COMMIT = {
    "git": [["git", "add", "-A"], ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"]],
    "hg": [["hg", "addremove", "-q"], ["hg", "commit", "-m", "one"]],
}


def call(root: Path, *argv: str) -> str:
    return subprocess.run(
        argv, cwd=root, env=os.environ | INDEPENDENT, check=True, capture_output=True, text=True
    ).stdout


def commit(root: Path, kind: str) -> None:
    for argv in COMMIT[kind]:
        call(root, *argv)


@pytest.fixture(params=["git", "hg"])
async def repository(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    kind: str = request.param
    if shutil.which(kind) is None:
        pytest.skip(f"{kind} is not installed")
    root = tmp_path / "a repository"
    (root / "sub dir").mkdir(parents=True)
    call(root, kind, "init")
    for name in ("kept", "changed", "gone", "sub dir/déjà vu"):
        (root / name).write_text(f"{name}\n")
    yield kind, root


async def opened(root: Path) -> Vcs:
    found = await vcs.find(root)
    assert found is not None
    return found


def alter(root: Path, kind: str) -> None:
    (root / "changed").write_text("changed\nmore\n")
    call(root, kind, "rm", "gone")
    (root / "sub dir/déjà vu").write_text("jamais\n")
    (root / "untracked").write_text("new\n")


async def test_answers_what_is_tracked_what_changed_and_how(repository: tuple[str, Path]) -> None:
    kind, root = repository
    commit(root, kind)
    alter(root, kind)
    found = await opened(root)
    assert found.name == kind
    assert await found.tracked() == ["changed", "kept", "sub dir/déjà vu"]
    assert sorted(await found.status(), key=lambda state: state.path) == [
        FileState("changed", "modified"),
        FileState("gone", "deleted"),
        FileState("sub dir/déjà vu", "modified"),
        FileState("untracked", "untracked"),
    ]
    diff = await found.diff()
    assert "--- a/changed\n+++ b/changed\n@@ -1,1 +1,2 @@\n" in diff.replace("@@ -1 +1,2 @@", "@@ -1,1 +1,2 @@")
    assert "deleted file mode 100644" in diff
    assert "+jamais\n" in diff
    only = await found.diff(["changed"])
    assert "+more" in only
    assert "jamais" not in only
    assert await found.diff([]) == ""
    revision = await found.revision()
    assert revision is not None
    assert len(revision) == 40
    await found.close()


async def test_a_workspace_inside_a_repository_sees_its_own_part(repository: tuple[str, Path]) -> None:
    kind, root = repository
    commit(root, kind)
    alter(root, kind)
    found = await opened(root / "sub dir")
    assert await found.tracked() == ["déjà vu"]
    assert await found.status() == [FileState("déjà vu", "modified")]
    diff = await found.diff()
    assert "+++ b/déjà vu" in diff
    assert "more" not in diff
    await found.close()


async def test_a_diff_is_cut_after_a_whole_line(repository: tuple[str, Path]) -> None:
    kind, root = repository
    commit(root, kind)
    (root / "changed").write_text("x" * 70 + "\n" + "y\n" * 100_000)
    found = await opened(root)
    diff = await found.diff(max_bytes=1000)
    assert 900 < len(diff) <= 1000
    assert diff.endswith("\n")
    await found.close()


async def test_before_the_first_commit_there_is_no_revision(repository: tuple[str, Path]) -> None:
    kind, root = repository
    call(root, kind, "add", "kept")
    found = await opened(root)
    assert await found.revision() is None
    assert await found.tracked() == ["kept"]
    assert "+kept\n" in await found.diff()
    assert FileState("kept", "added") in await found.status()
    await found.close()


async def test_what_the_repository_configures_is_not_run(repository: tuple[str, Path]) -> None:
    kind, root = repository
    trap = root / "trap.sh"
    trap.write_text(f"#!/bin/sh\necho run >>'{root}/ran'\ncat\n")
    trap.chmod(0o755)
    if kind == "git":
        (root / ".gitattributes").write_text("* filter=trap diff=trap\n")
        commit(root, kind)
        for key in (
            "core.fsmonitor", "diff.external", "filter.trap.clean", "filter.trap.smudge", "diff.trap.command",
            "diff.trap.textconv", "core.pager", "core.sshCommand", "alias.status", "alias.diff",
        ):  # fmt: skip
            call(root, "git", "config", key, str(trap))
        (root / ".git/hooks/post-index-change").write_text(trap.read_text())
        (root / ".git/hooks/post-index-change").chmod(0o755)
    else:
        commit(root, kind)
        names = ("pre-status", "pre-diff", "pre-log", "pre-files", "post-status")
        hooks = "".join(f"{name} = {trap}\n" for name in names)
        (root / ".hg/hgrc").write_text(f"[hooks]\n{hooks}[alias]\nstatus = !{trap}\ndiff = !{trap}\n")
    (root / "changed").write_text("changed\nmore\n")
    found = await opened(root)
    assert FileState("changed", "modified") in await found.status()
    assert "+more" in await found.diff()
    await found.tracked()
    await found.revision()
    await found.close()
    assert not (root / "ran").exists()


async def test_the_nearest_repository_counts(tmp_path: Path) -> None:
    assert await vcs.find(tmp_path) is None or (await opened(tmp_path)).name in ("git", "hg")
    (tmp_path / ".hg").mkdir()
    (tmp_path / "inner" / ".git").mkdir(parents=True)
    assert (await opened(tmp_path / "inner")).name == "git"
    assert (await opened(tmp_path)).name == "hg"


async def test_a_broken_repository_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(InfraError, match="git ls-files failed"):
        await (await opened(tmp_path)).tracked()
    shutil.rmtree(tmp_path / ".git")
    (tmp_path / ".hg").mkdir()
    (tmp_path / ".hg" / "requires").write_text("no-such-feature\n")
    broken = await opened(tmp_path)
    with pytest.raises(InfraError, match="hg"):
        await broken.tracked()
    await broken.close()


async def test_a_revision_is_written_as_it_is_stored(repository: tuple[str, Path], tmp_path: Path) -> None:
    kind, root = repository
    (root / "run.sh").write_text("#!/bin/sh\r\n$Id$ $Format:%H$\n")
    (root / "run.sh").chmod(0o755)
    (root / "sub dir" / "up").symlink_to("../kept")
    (root / "out").symlink_to("/etc/passwd")
    (root / "around").symlink_to("sub dir/../../outside")
    (root / ".gitattributes").write_text("kept export-ignore\nrun.sh export-subst eol=crlf ident text\n")
    commit(root, kind)
    found = await opened(root)
    first = await found.revision()
    assert first is not None
    (root / "kept").write_text("later\n")
    commit(root, kind)
    (root / "kept").write_text("not committed\n")

    target = tmp_path / "made" / "here"
    assert await found.archive(first, target) == ("around", "out")
    files = {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}
    assert files == {
        ".gitattributes", "changed", "gone", "kept", "run.sh", "sub dir/déjà vu", "sub dir/up",
    }  # fmt: skip
    assert (target / "kept").read_text() == "kept\n"
    assert (target / "run.sh").read_bytes() == await found.read(first, "run.sh")
    assert b"$Format:%H$" in (target / "run.sh").read_bytes()
    assert (target / "run.sh").stat().st_mode & 0o111
    assert not (target / "kept").stat().st_mode & 0o111
    assert (target / "sub dir/up").readlink() == Path("../kept")
    with pytest.raises(InfraError, match="not empty"):
        await found.archive(first, target)
    await found.close()


async def test_the_part_of_a_revision_that_is_the_workspace(repository: tuple[str, Path], tmp_path: Path) -> None:
    kind, root = repository
    commit(root, kind)
    found = await opened(root / "sub dir")
    first = await found.revision()
    assert first is not None
    assert await found.archive(first, tmp_path / "made") == ()
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["déjà vu"]
    assert await found.read(first, "déjà vu") == "sub dir/déjà vu\n".encode()
    assert await found.read(first, "kept") is None
    await found.close()


async def test_a_revision_is_resolved_or_there_is_none(repository: tuple[str, Path], tmp_path: Path) -> None:
    kind, root = repository
    commit(root, kind)
    found = await opened(root)
    first = await found.revision()
    assert first is not None
    call(root, kind, *(["tag", "v-1"] if kind == "git" else ["bookmark", "-i", "v-1"]))
    (root / "kept").write_text("later\n")
    commit(root, kind)
    second = await found.revision()
    names = ("HEAD~1", "HEAD") if kind == "git" else (".^", ".")
    assert [await found.resolve(name) for name in (*names, first[:12], "v-1")] == [first, second, first, first]
    several = "HEAD~1..HEAD" if kind == "git" else "0:1"
    for none in ("", "no-such", "--help", "--config=a.b=c", "0" * 40, "((", "kept", "a\0b", several):
        assert await found.resolve(none) is None, none
    with pytest.raises(InfraError, match="'no-such' is no revision"):
        await found.archive("no-such", tmp_path / "made")
    assert not (tmp_path / "made").exists()
    await found.close()


@pytest.mark.skipif(shutil.which("hg") is None, reason="needs hg: apt-get install mercurial")
async def test_a_branch_whose_name_is_no_expression_is_a_revision(tmp_path: Path) -> None:
    call(tmp_path, "hg", "init")
    (tmp_path / "kept").write_text("kept\n")
    for name in ("feature-1", "it's two words", "(half"):
        call(tmp_path, "hg", "branch", name)
        commit(tmp_path, "hg")
        found = await opened(tmp_path)
        assert await found.resolve(name) == await found.revision() is not None, name
        await found.close()


async def test_history_is_newest_first_without_merges_and_the_first(repository: tuple[str, Path]) -> None:
    kind, root = repository
    commit(root, kind)
    found = await opened(root)
    first = await found.revision()
    alter(root, kind)
    (root / "untracked").unlink()
    commit(root, kind)
    second = await found.revision()
    (root / "sub dir" / "new").write_text("new\n")
    commit(root, kind)
    third = await found.revision()
    commits = await found.history()
    assert [(each.id, each.parent, each.subject) for each in commits] == [
        (third, second, "one"),
        (second, first, "one"),
    ]
    assert [sorted(each.paths) for each in commits] == [["sub dir/new"], ["changed", "gone", "sub dir/déjà vu"]]
    assert [each.id for each in await found.history(since=second)] == [third]
    assert [each.id for each in await found.history(limit=1)] == [third]
    inner = await opened(root / "sub dir")
    assert [each.paths for each in await inner.history()] == [("new",), ("déjà vu",)]
    assert await found.read(second or "", "gone") is None
    await found.close()
    await inner.close()
