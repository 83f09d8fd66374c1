"""Neovim's help on the plugin, and the plugin's shape: what it says is what is there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[3] / "plugins" / "nvim"
LIMIT = 700


def run(program: str, home: Path, *words: str) -> str:
    """What a Neovim with `home` as its only directory says."""
    env = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE", "DATA")}
    env |= {"PATH": "/usr/bin:/bin", "HOME": str(home), "NVIM_LOG_FILE": str(home / "log"), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run(
        [program, "--headless", *words, "+qall!"],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr.replace("\r", "")


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    """A home in which the plugin is a plain package, its help indexed."""
    place = tmp_path / "data" / "nvim" / "site" / "pack" / "aid" / "start"
    place.mkdir(parents=True)
    shutil.copytree(PLUGIN, place / "aid")
    return tmp_path


@pytest.mark.each_neovim
def test_as_a_plain_package_its_commands_and_help_are_there(program: str, packaged: Path) -> None:
    there = run(program, packaged, "+helptags ALL", "+lua print(vim.fn.exists(':AidFix'))")
    assert there.strip() == "2"
    for tag in ("aid.txt", ":AidFix", "aid-chat"):
        said = run(program, packaged, f"+help {tag}", "+lua print(vim.fn.expand('%:t'), vim.fn.getline('.'))")
        assert said.startswith("aid.txt") and f"*{tag}*" in said


@pytest.mark.each_neovim
def test_each_command_is_told_of_as_it_is(program: str, packaged: Path) -> None:
    code = "lua for name, c in pairs(vim.api.nvim_get_commands({})) do if name:match('^Aid') then "
    code += "print(name, c.nargs, c.bang, c.range or '-') end end"
    defined = {line.split()[0]: line.split()[1:] for line in run(program, packaged, f"+{code}").splitlines() if line}
    usages = re.findall(r"^(:\S.*?) +\*:(\w+)\*$", (PLUGIN / "doc" / "aid.txt").read_text(), re.M)
    assert {name for _, name in usages} == set(defined)
    for usage, name in usages:
        nargs, bang, ranged = defined[name]
        arguments = usage.split(" ", 1)[1] if " " in usage else ""
        assert ("[!]" in usage, "[range]" in usage) == (bang == "true", ranged != "-"), usage
        assert (nargs == "0", nargs == "+") == (not arguments, arguments.startswith("{")), usage


def test_nothing_is_done_at_require(program: str, packaged: Path) -> None:
    code = "lua local said = require('aid').statusline(); "
    code += "print(said == '', package.loaded['aid.client'] == nil, #vim.lsp.get_clients())"
    assert run(program, packaged, f"+{code}").split() == ["true", "true", "0"]


@pytest.mark.each_neovim
def test_health_says_what_is_missing(program: str, packaged: Path) -> None:
    said = run(program, packaged, "+checkhealth aid", "+%print")
    assert 'there is no program "aid"' in said and "install AID, or name it in vim.g.aid.command" in said


def test_the_plugin_stays_thin() -> None:
    files = [*PLUGIN.rglob("*.lua")]
    lines = {file.name: len(file.read_text().splitlines()) for file in files if file.name != "protocol.lua"}
    assert sum(lines.values()) <= LIMIT, lines


@pytest.mark.skipif(shutil.which("luacheck") is None, reason="luacheck is not there: apt-get install lua-check")
def test_luacheck_finds_nothing() -> None:
    ran = subprocess.run(["luacheck", "--no-color", "-q", "."], cwd=PLUGIN, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
