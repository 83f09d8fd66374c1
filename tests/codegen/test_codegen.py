"""What is written from the protocol, in the hands of those who read it: compilers, editors, msgspec itself."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aid.codegen import elisp, lua, markdown, schema, typescript, vscode
from aid.codegen.__main__ import ROOT, main, wanted
from aid.codegen.examples import EXAMPLES, shown
from aid.codegen.shape import records
from aid.protocol import METHODS


def run(*words: str, cwd: Path) -> str:
    ran = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        asked = [str(ROOT / "scripts" / "editors"), "--find", program]
        there = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        found = shutil.which(program, path=there) if there else None
    if found is None:
        pytest.skip(f"{program} is not there")
    return found


def test_what_the_checkout_has_is_what_would_be_written() -> None:
    assert main(["--check"]) == 0


def test_drift_is_told_by_name_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plugins" / "vscode").mkdir(parents=True)
    package = tmp_path / "plugins" / "vscode" / "package.json"
    package.write_text(json.dumps({"name": "aid", "contributes": {"commands": [1], "configuration": {"title": "old"}}}))
    assert main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [f"{path} is out of date: run 'python -m aid.codegen'" for path in wanted(tmp_path)]
    assert main([], tmp_path) == 0 and main(["--check"], tmp_path) == 0
    found = json.loads(package.read_text())
    assert (found["name"], found["contributes"]["commands"]) == ("aid", [1])
    (tmp_path / lua.PATH).write_text("return {}")
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err == f"{lua.PATH} is out of date: run 'python -m aid.codegen'\n"
    assert main(["--now"], tmp_path) == 2


def test_settings_in_vs_code_are_the_three() -> None:
    properties = vscode.configuration()["properties"]
    assert {name: each["default"] for name, each in properties.items()} == {
        "aid.command": ["aid", "connect"],
        "aid.enable": True,
        "aid.logLevel": "warning",
    }
    assert properties["aid.logLevel"]["enum"] == ["error", "warning", "info", "debug"]
    assert all(each["markdownDescription"] for each in properties.values())


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_every_method_has_an_example_that_is_what_it_says(method: Any) -> None:
    params, result = EXAMPLES[method.name]
    assert type(params) is method.params
    assert msgspec.json.decode(shown(params), type=method.params) == params
    if method.result is None:
        assert result is None
    elif isinstance(result, msgspec.Struct):
        assert type(result) is method.result
    assert f"### {method.name}\n" in markdown.text()


def test_the_schema_describes_every_struct() -> None:
    found = json.loads(schema.text())
    assert {each.name for each in records()} <= set(found["$defs"])
    assert found["x-methods"]["aid/accept"] == {
        "from": "editor",
        "params": {"$ref": "#/$defs/AcceptParams"},
        "result": {"$ref": "#/$defs/OutcomeResult"},
    }
    assert set(found["x-methods"]) == set(METHODS)


def test_typescript_takes_the_types_and_the_examples(tmp_path: Path) -> None:
    tsc = need("tsc")
    (tmp_path / "protocol.ts").write_text(typescript.text())
    lines = ['import type { Notifications, Requests } from "./protocol";']
    for number, (name, (params, result)) in enumerate(EXAMPLES.items()):
        if METHODS[name].result is None:
            lines.append(f'export const n{number}: Notifications["{name}"] = {shown(params)};')
        else:
            lines.append(f'export const p{number}: Requests["{name}"]["params"] = {shown(params)};')
            whole = msgspec.json.encode(result).decode()
            lines.append(f'export const r{number}: Requests["{name}"]["result"] = {whole};')
    (tmp_path / "examples.ts").write_text("\n".join(lines))
    run(tsc, "--noEmit", "--strict", "--exactOptionalPropertyTypes", "examples.ts", cwd=tmp_path)
    (tmp_path / "examples.ts").write_text("\n".join([lines[0], 'export const x: Requests["aid/undo"]["params"] = {};']))
    ran = subprocess.run(
        [tsc, "--noEmit", "--strict", "examples.ts"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode and "'workspace' is missing" in ran.stdout


def test_emacs_compiles_the_accessors_and_they_know_the_defaults(tmp_path: Path) -> None:
    emacs = need("emacs")
    (tmp_path / "aid-protocol.el").write_text(elisp.text())
    batch = (emacs, "-Q", "--batch", "-L", ".")
    run(
        *batch,
        "--eval",
        "(setq byte-compile-error-on-warn t)",
        "-f",
        "batch-byte-compile",
        "aid-protocol.el",
        cwd=tmp_path,
    )
    assert run(*batch, "--eval", '(checkdoc-file "aid-protocol.el")', cwd=tmp_path) == ""
    proposal = msgspec.json.encode(EXAMPLES["aid/proposal"][1]).decode()
    form = f"""(let ((proposal (json-parse-string {json.dumps(proposal)} :object-type 'plist :null-object nil
                                                  :false-object :json-false)))
      (prin1 (list (aid-protocol-proposal-badge proposal)
                   (aid-protocol-proposal-summary proposal)
                   (mapcar (lambda (file)
                             (list (aid-protocol-proposed-file-path file)
                                   (mapcar #'aid-protocol-proposed-hunk-old-first
                                           (aid-protocol-proposed-file-hunks file))))
                           (aid-protocol-proposal-files proposal))
                   (aid-protocol-model-entry-ready '(:ready :json-false))
                   (aid-protocol-model-entry-ready nil)
                   (aid-protocol-changed-file-added nil)
                   (memq :aid/forgetChat aid-protocol-requests)
                   aid-command aid-enable aid-log-level
                   (get 'aid-enable 'safe-local-variable) (get 'aid-command 'safe-local-variable))))"""
    said = run(*batch, "-l", "aid-protocol.elc", "--eval", form, cwd=tmp_path)
    assert said == (
        '("green (dune test), 1 error fixed" "" (("lib/item.ml" (7))) nil t 0 '
        "(:aid/forgetChat :aid/build :aid/models :aid/setModel :aid/status :aid/stats :aid/shutdown) "
        '("aid" "connect") t "warning" booleanp nil)'
    )


def test_neovim_loads_the_names(tmp_path: Path) -> None:
    nvim = need("nvim")
    (tmp_path / "protocol.lua").write_text(lua.text())
    (tmp_path / "ask.lua").write_text(
        'local p = dofile("protocol.lua")\n'
        "io.write(vim.json.encode({ p.VERSION, p.requests.forgetChat, p.notifications.update, p.settings.command }))\n"
    )
    assert json.loads(run(nvim, "-l", "ask.lua", cwd=tmp_path)) == [
        1,
        "aid/forgetChat",
        "aid/update",
        ["aid", "connect"],
    ]
