"""The shell scripts of a Harbor task. POSIX sh and coreutils only: what else an image has, its tasks decide."""

import shlex
from collections.abc import Sequence

from ces.builds.adapter import Step
from ces.change import FileChange

# A link or a file where a folder must be is moved out of the way: what is put back lands where it says.
_PUT = """\
put() {
    part= rest=$2/
    while [ -n "$rest" ]; do
        part=$part${rest%%/*} rest=${rest#*/}
        if [ -L "$part" ] || { [ -e "$part" ] && [ ! -d "$part" ]; }; then rm -f "$part"; fi
        part=$part/
    done
    rm -rf "$2"
    mkdir -p "$(dirname "$2")" && cp -p "$1/$2" "$2" || exit 1
}
"""

# Exit codes 126 and 127: not run; above 128: killed. Neither is the candidate's failure unless its time was up.
_JUDGE = """\
logs=/logs/verifier
passed=

verdict() {
    {
        printf '{"reward": %s' "$1"
        for each in $stages; do
            case " $passed " in *" $each "*) printf ', "%s": 1' "$each" ;; *) printf ', "%s": 0' "$each" ;; esac
        done
        printf '}\\n'
    } > "$logs/reward.tmp" && mv "$logs/reward.tmp" "$logs/reward.json"
    exit 0
}

step() {
    stage=$1 passes=$2
    shift 2
    echo "== $stage"
    began=$(date +%s)
    timeout -k 10 "$limit" "$@"
    code=$?
    case " $passes " in *" $code "*) return ;; esac
    if [ $(($(date +%s) - began)) -ge "$limit" ]; then echo "out of time"; verdict 0; fi
    case $code in
        126 | 127 | 137) echo "the machine failed, exit code $code: no verdict"; exit 1 ;;
    esac
    verdict 0
}

# Of a step that leaves a report (see ces.report) at its end. Without one it was ended before, whatever its exit code.
reporting() {
    at=$1 wanted=$2 report=$(mktemp) && word=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n') || exit 1
    shift 2
    printf '%s\\n' "$word" > "$report"
    step "$at" "$wanted" env CES_REPORT="$report" "$@"
    if [ -f "$report" ] && [ "$(head -n 1 "$report")" = "$word" ]; then
        [ -z "$(tail -n +2 "$report" | head -c 1)" ] || return
    fi
    echo "it did not run to its end"
    verdict 0
}

pass() {
    passed="$passed $1"
}
"""


def test_script(steps: Sequence[Step], kept: Sequence[str], outputs: Sequence[str], limit_s: int) -> str:
    """Puts `kept` back, throws the build's `outputs` away, runs the steps and writes the reward."""
    stages = list(dict.fromkeys(step.stage for step in steps))
    lines = ["#!/bin/sh", "# Judges what is in /workspace.", "cd /workspace && mkdir -p /logs/verifier || exit 1"]
    lines += [f"stages={shlex.quote(' '.join(stages))}", f"limit={limit_s}", _PUT, _JUDGE]
    lines += [f"put /tests/files {shlex.quote(path)}" for path in kept]
    lines += [f"rm -rf {shlex.quote(output)}" for output in outputs]
    for number, step in enumerate(steps):
        env = [f"{name}={value}" for name, value in step.env.items()]
        command = shlex.join(["env", *env, *step.argv] if env else step.argv)
        how = "reporting" if step.report else "step"
        lines.append(f"{how} {step.stage} '{' '.join(map(str, step.passes))}' {command}")
        if number + 1 == len(steps) or steps[number + 1].stage != step.stage:
            lines.append(f"pass {step.stage}")
    return "\n".join([*lines, "verdict 1", ""])


def solve_script(changes: Sequence[FileChange]) -> str:
    """Does what the reference solution does."""
    lines = ["#!/bin/sh", "cd /workspace || exit 1", _PUT]
    for change in changes:
        if change.old_path is not None:
            lines.append(f"rm -f {shlex.quote(change.old_path)}")
        if change.after is None:
            lines.append(f"rm -f {shlex.quote(change.path)}")
        else:
            lines.append(f"put /solution/files {shlex.quote(change.path)}")
    return "\n".join([*lines, ""])
