"""`aid restart` under Emacs, Neovim and VS Code at once, each with a request under way."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
RESTARTS = 3
pytestmark = [pytest.mark.ocaml, pytest.mark.timeout(900)]


def _module(name: str) -> Any:
    """Tests are no package."""
    spec = spec_from_file_location(f"three_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


EDITORS = _module("three_editors")
SCENE = _module("scene")


def test_none_is_disturbed_and_each_answer_comes_once() -> None:
    missing = EDITORS.missing()
    if missing:
        pytest.skip(missing)
    with SCENE.scene() as shop:
        shop.replies({"match": "", "reply": "hello"})
        with EDITORS.three_editors(shop) as editors:
            connected, daemons = EDITORS.bridges(shop), {shop.daemon_pid()}
            before = [_told(editor) for editor in editors]
            assert len(connected) == len(editors)
            for number in range(RESTARTS):
                _restart_under(shop, editors, number)
                daemons.add(shop.daemon_pid())
                assert [_told(editor) for editor in editors] == before
            assert len(daemons) == 1 + RESTARTS
            assert EDITORS.bridges(shop) == connected
            for editor in editors:
                told = editor.chat()
                wanted = [f"answer to {editor.name[0]}{number}." for number in range(RESTARTS)]
                assert [told.count(each) for each in wanted] == [1] * RESTARTS, (editor.name, told)


def _told(editor: Any) -> list[str]:
    """Without what may be said where a restart takes over a second, as on a busy machine."""
    return [each for each in editor.told() if "its daemon" not in each]


def _restart_under(shop: Any, editors: list[Any], number: int) -> None:
    """Each asks; the model has begun to answer them all when the daemon is restarted, and ends when asked anew."""
    pieces = [{"text": "answer to"}, {"wait": "restarted"}, {"text": " {marker}."}]
    shop.replies({"match": "", "marker": r"say #(\w+)", "pieces": pieces, "times": 99})
    for editor in editors:
        editor.ask(f"say #{editor.name[0]}{number}")
    shop.model_stats(requests=len(editors))
    restarted = shop.aid("restart")
    assert restarted.returncode == 0, restarted.stderr
    shop.model_stats(requests=2 * len(editors))
    shop.release("restarted")
    for editor in editors:
        editor.shows(f"answer to {editor.name[0]}{number}.")
