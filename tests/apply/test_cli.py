import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aid.apply import apply as journaled
from aid.apply import history
from aid.cli.apply import apply
from aid.cli.undo import log, redo, undo
from aid.root import find_root
from ces.change import FileChange

REPLY = """Here:

f.py
<<<<<<< SEARCH
two
=======
2
>>>>>>> REPLACE

new/g.py
<<<<<<< SEARCH
=======
hello
>>>>>>> REPLACE
"""
DIFF = """\
diff --git a/f.py b/f.py
--- a/f.py
+++ b/f.py
@@ -1,3 +1,3 @@
 one
-two
+2
 three
diff --git a/new/g.py b/new/g.py
new file mode 100644
--- /dev/null
+++ b/new/g.py
@@ -0,0 +1 @@
+hello
"""


@pytest.fixture
def work(root: Path) -> Path:
    (root / "f.py").write_text("one\ntwo\nthree\n")
    return root


def run(command: Any, root: Path, *argv: str, reply: str | bytes = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(command, [*argv, "--root", str(root)], input=reply)
    return result.exit_code, result.stdout, result.stderr


def test_applies_a_reply_and_says_how_to_take_it_back(work: Path) -> None:
    code, out, err = run(apply, work, reply=REPLY)
    id_ = history(work, 1)[0].id
    assert (code, err) == (0, "")
    assert out == f"M f.py +1 -1\nA new/g.py +1 -0\napplied as {id_}: 'aid undo {id_}' takes it back\n"
    assert run(undo, work) == (0, f"M f.py +1 -1\nD new/g.py +0 -1\nundone {id_}\n", "")
    assert (work / "f.py").read_text() == "one\ntwo\nthree\n"
    assert run(redo, work, id_) == (0, f"M f.py +1 -1\nA new/g.py +1 -0\napplied {id_}\n", "")
    code, out, err = run(log, work)
    assert (code, err) == (0, "")
    assert out.startswith(f"{id_}  20")
    assert out.endswith("  applied  f.py +1 -1, new/g.py +1 -0  aid apply\n")


def test_prints_one_object_for_scripts(work: Path) -> None:
    files = [{"path": "f.py", "status": "modified"}, {"path": "new/g.py", "status": "added"}]
    nothing = {"applied": False, "files": files, "rejected": [], "diff": DIFF, "id": None}
    assert said(run(apply, work, "--json", "--dry-run", reply=REPLY)) == (0, nothing)
    assert not (work / "new").exists()
    code, done = said(run(apply, work, "--json", reply=REPLY))
    assert (code, done) == (0, {**nothing, "applied": True, "id": done["id"]})
    back = [{"path": "f.py", "status": "modified"}, {"path": "new/g.py", "status": "deleted"}]
    assert said(run(undo, work, "--json")) == (0, {"undone": True, "files": back, "rejected": [], "id": done["id"]})
    assert said(run(redo, work, "--json")) == (0, {"applied": True, "files": files, "rejected": [], "id": done["id"]})
    code, listed = said(run(log, work, "--json"))
    entry = listed["entries"][0]
    assert (code, entry["id"], entry["state"], entry["files"][0]) == (
        0,
        done["id"],
        "applied",
        {"path": "f.py", "status": "modified", "added": 1, "removed": 1},
    )


def test_a_dry_run_prints_the_diff(work: Path) -> None:
    assert run(apply, work, "--dry-run", reply=REPLY) == (0, DIFF, "")
    assert history(work, 1) == []


def test_a_refused_edit_changes_nothing_and_names_the_lines(work: Path) -> None:
    (work / "f.py").write_text("two\none\ntwo\n")
    code, found = said(run(apply, work, "--json", reply=REPLY))
    assert (code, found["applied"], found["files"], found["id"]) == (1, False, [], None)
    assert [(each["path"], each["near"]) for each in found["rejected"]] == [("f.py", [1, 3])]
    code, out, err = run(apply, work, reply=REPLY)
    assert (code, out) == (1, "")
    assert err.startswith("aid: f.py: ")
    assert len(err.splitlines()) == 1
    assert [path.name for path in work.iterdir()] == ["f.py"]


def test_a_refused_undo_names_file_and_lines(work: Path) -> None:
    run(apply, work, reply=REPLY)
    (work / "f.py").write_text("one\nzwei\nthree\n")
    refused = {"path": "f.py", "reason": "edited since", "near": [2]}
    assert said(run(undo, work, "--json")) == (1, {"undone": False, "files": [], "rejected": [refused], "id": None})
    assert run(undo, work) == (1, "", "aid: f.py: edited since (line 2)\n")


@pytest.mark.parametrize("path", ["link.py", "out/f.py", "../f.py", "/etc/f.py", ".git/f.py", ".HG/f.py", "pipe"])
def test_a_path_that_leads_elsewhere_is_refused(work: Path, path: str) -> None:
    import os

    (work / "link.py").symlink_to("f.py")
    (work / "out").symlink_to("..")
    os.mkfifo(work / "pipe")
    before = sorted(work.parent.rglob("*"))
    for reply in (f"{path}\n<<<<<<< SEARCH\ntwo\n=======\n2\n>>>>>>> REPLACE\n", f"{path}\n```\nx\n```\n"):
        code, found = said(run(apply, work, "--json", reply=reply))
        assert (code, found["applied"]) == (1, False), found
        assert found["rejected"]
    patch = f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch\n"
    assert run(apply, work, reply=patch)[0] == 1
    assert [each for each in sorted(work.parent.rglob("*")) if "state" not in each.parts] == [
        each for each in before if "state" not in each.parts
    ]
    assert (work / "f.py").read_text() == "one\ntwo\nthree\n"


def test_edits_that_are_in_place_already_are_no_failure(work: Path) -> None:
    (work / "f.py").write_text("def area():\n    return width * height\n")
    reply = "f.py\n<<<<<<< SEARCH\n    return width * width\n=======\n    return width * height\n>>>>>>> REPLACE\n"
    assert said(run(apply, work, "--json", reply=reply)) == (
        0,
        {"applied": False, "files": [], "rejected": [], "diff": "", "id": None},
    )
    assert run(apply, work, reply=reply) == (0, "nothing to change: the files are so already\n", "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reply=st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.sampled_from(
                [
                    *(line.encode() for line in REPLY.splitlines()),
                    *(line.encode() for line in DIFF.splitlines()),
                    b"*** Begin Patch",
                    b"*** Update File: f.py",
                    b"*** End Patch",
                    b"```",
                    b"\xff\x00",
                    b"f.py:1-2",
                    b"@@",
                ]
            ),
            max_size=14,
        ).map(b"\n".join),
    ),
    format_=st.sampled_from(["auto", "search-replace", "udiff", "apply-patch", "whole", "line-range"]),
)
def test_any_reply_is_applied_as_the_diff_says_or_changes_nothing(work: Path, reply: bytes, format_: str) -> None:
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    code, found = said(run(apply, work, "--json", "--format", format_, reply=reply))
    after = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    assert code in (0, 1)
    assert (after != before) == found["applied"]
    assert (code == 1) == bool(found["rejected"])
    if found["applied"]:
        assert {file["path"] for file in found["files"]} == {
            str(path.relative_to(work)) for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        }
        assert run(undo, work)[0] == 0
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before


def test_the_real_command_reads_bytes_and_ends_in_one_line(work: Path) -> None:
    for reply, code in ((b"\xff\xfe\0" * 1000, 1), (REPLY.encode(), 0)):
        done = subprocess.run(
            [sys.executable, "-c", "from aid.cli.main import main; main()", "apply", "--json", "--root", str(work)],
            input=reply,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, b"")
        assert len(done.stdout.splitlines()) == 1
        assert json.loads(done.stdout)["applied"] is (code == 0)


def test_processes_that_apply_at_once_wait_for_each_other(work: Path) -> None:
    (work / "f.py").write_text("".join(f"{number}\n\n" for number in range(6)))
    command = [sys.executable, "-c", "from aid.cli.main import main; main()", "apply", "--json", "--root", str(work)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for number, process in enumerate(running):
        assert process.stdin is not None
        process.stdin.write(f"f.py\n<<<<<<< SEARCH\n{number}\n=======\n{number} done\n>>>>>>> REPLACE\n")
        process.stdin.flush()
    told = [process.communicate() for process in running]
    assert [err for _, err in told] == [""] * 6
    assert all(json.loads(out)["applied"] for out, _ in told)
    assert (work / "f.py").read_text() == "".join(f"{number} done\n\n" for number in range(6))
    assert len(history(work, 9)) == 6


def test_wrong_usage_ends_with_two(work: Path) -> None:
    assert run(apply, work / "missing", reply=REPLY)[0] == 2
    assert run(apply, work, "--format", "prose", reply=REPLY)[0] == 2
    assert run(undo, work, "one", "two")[0] == 2


def test_finishes_or_rolls_back_before_it_reads(work: Path) -> None:
    """What a killed process left is put right before the reply is placed, or it would be placed in half a tree."""
    journaled(work, [FileChange(path="f.py", before=b"one\ntwo\nthree\n", after=b"one\nTWO\nthree\n")])
    entry = next((work.parent / "state").rglob("*.applied"))
    entry.rename(entry.with_name("pending"))
    (work / "f.py").write_text("one\ntwo\nthree\n")
    assert run(apply, work, reply=REPLY)[0] == 0
    assert [each.state for each in history(work, 9)] == ["applied"]


def test_importing_the_commands_costs_nothing_heavy() -> None:
    code = """
import sys, aid.cli.apply, aid.cli.undo
print([name for name in ("msgspec", "aid.apply", "aid.edits", "rapidfuzz", "asyncio") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_workspace_is_the_nearest_with_a_repository_or_a_project(
    home: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    (root / "lib" / "deep").mkdir(parents=True)
    assert find_root(root / "lib" / "deep") == (root / "lib" / "deep").resolve()
    (home / "package.json").write_text("{}")
    assert find_root(root / "lib") == (root / "lib").resolve()
    (root / ".hg").mkdir()
    assert find_root(root / "lib" / "deep") == root.resolve()
    (root / "lib" / "dune-project").write_text("")
    assert find_root(root / "lib" / "deep") == (root / "lib").resolve()


def said(ended: tuple[int, str, str]) -> tuple[int, dict[str, Any]]:
    """Exit status and the one object printed; nothing else is."""
    code, out, err = ended
    assert err == ""
    assert out.count("\n") == 1
    found = json.loads(out)
    assert isinstance(found, dict)
    return code, found
