"""dune's log (`_build/log`, up to dune 3.21): which programs ran, and what each said of its tests.

The log is the one place where a test that was run and printed nothing differs from one that had no reason to run again.
Inline tests (ppx_inline_test, ppx_expect) print nothing when all is well: `REPORTED` asks their programs once more, in
words that make them say which tests they run.
"""

import re

from ces.builds import runners
from ces.verdict import Tests

# Runs the command that follows; its report (`ces.report`) is the log, and after it the inline tests in the log's form.
REPORTED = r"""report=$CES_REPORT
unset CES_REPORT
[ -z "$report" ] || { read -r word <"$report"; rm -f "$report"; }
inline() {
  sed -n 's#^\$ (cd _build/\(\.sandbox/[0-9a-f]*/\)\{0,1\}\([^ ]*\) && \([^ ]*\.inline-tests/[^ ]*\)'\
' inline-test-runner \([^ )]*\).*#\2 \3 \4#p' _build/log | sort -u | while read -r folder program library; do
    top=.
    case $folder in */*) top=$(echo "${folder#*/}" | sed 's,[^/][^/]*,..,g') ;; esac
    said=$(cd "_build/$folder" && "$program" inline-test-runner "$library" -verbose -source-tree-root "$top" \
      -diff-cmd - 2>&1 </dev/null) || said=
    echo "$ (cd _build/$folder && $program inline-test-runner $library)"
    [ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/> /'
  done
}
"$@"
ended=$?
if [ -n "$report" ]; then
  { echo "$word"; cat _build/log; [ $ended != 0 ] || inline; } >"$report" 2>/dev/null
fi
exit $ended"""
_COMMAND = re.compile(
    r"^\$ (?:\(cd _build/(?:\.sandbox/[0-9a-f]+/)?(?P<folder>\S+) && (?P<words>.*?)\)|.*)(?: [<>2].*)?$"
)
_SAID = re.compile(r"^> ?")
_FAILED = re.compile(r"^\[\d+\]$")


def passed(log: str) -> Tests:
    """Program, as folder and command, -> its tests.

    Compilers and other tools are programs, too; as a rule they have no tests. Only of the workspace's own, and only
    when they succeeded, does it say something that they printed anything.
    """
    said: dict[str, list[str]] = {}
    failed = set()
    program = None
    for line in log.split("\n"):
        command = _COMMAND.match(line)
        if command is not None:
            program = _name(command["folder"], command["words"]) if command["folder"] else None
            if program is not None:
                said.setdefault(program, [])
        elif program is not None and _FAILED.match(line):
            failed.add(program)
        elif program is not None and line.startswith(">"):
            said[program].append(_SAID.sub("", line))
    tests = {program: runners.passed("\n".join(lines)) for program, lines in said.items()}
    for program, lines in said.items():
        if any(lines) and not tests[program] and program not in failed and not program.startswith("/"):
            tests[program] = {runners.PRINTED: 1}
    return tests


def _name(folder: str, words: str) -> str:
    """The folder is told from the build context's top: `default/test` is `test` there."""
    if words.startswith("/"):
        return words
    return f"{folder.partition('/')[2] or '.'}/{words.removeprefix('./')}".removeprefix("./")
