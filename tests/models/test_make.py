"""A back end for each kind of settings, and what it says of itself before it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

from aid.config import AnthropicModel, HintsModel, ModelSettings, OpenAIModel, ReplayModel
from aid.errors import ModelError, ModelMissing
from aid.models import detail, make
from aid.models.estimate import estimated_tokens

REMOTE = OpenAIModel(
    base_url="https://models.test/v1", model="small", api_key_env="THE_KEY", grammar=True, format="whole"
)


async def test_says_what_a_remote_model_can_do() -> None:
    hosted, here = make("a", REMOTE), make("b", OpenAIModel(base_url="http://localhost:8080/v1", model="m"))
    assert (hosted.name, hosted.capabilities.grammar, hosted.capabilities.format) == ("a", True, "whole")
    assert [each.capabilities.local for each in (hosted, here)] == [False, True]
    await hosted.close()
    await here.close()


def test_says_what_a_model_is_without_connecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "secret")
    (tmp_path / "r").touch()
    assert detail(REMOTE) == "small at https://models.test/v1"
    assert detail(ReplayModel(path=str(tmp_path / "r"))) == f"recorded replies from {tmp_path / 'r'}"
    assert detail(HintsModel()) == "no model: rules over what the compiler says"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (REMOTE, "small at https://models.test/v1 has no key: set THE_KEY and restart the daemon"),
        (
            AnthropicModel(model="big"),
            "big at https://api.anthropic.com has no key: set ANTHROPIC_API_KEY and restart the daemon",
        ),
        (ReplayModel(path="/nowhere"), "recorded replies /nowhere are missing: correct path in aid.toml"),
    ],
)
def test_says_what_a_model_lacks(settings: ModelSettings, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THE_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ModelMissing) as missing:
        detail(settings)
    assert str(missing.value) == said


@pytest.mark.parametrize("base_url", ["models.test/v1", "ftp://models.test", "", "file:///etc/passwd"])
def test_refuses_an_address_that_is_none(base_url: str) -> None:
    with pytest.raises(ModelError, match="neither http"):
        make("m", OpenAIModel(base_url=base_url, model="small"))


def test_imports_nothing_heavy_before_a_back_end_is_made() -> None:
    script = "import sys, aid.models; print([name for name in ('aiohttp', 'keyring', 'gguf') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("1234", 4), ("let x = 1\n", 5), ("\N{ROCKET}", 3), ("\ud800", 3)]
)
def test_estimates_tokens_by_class_of_byte(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens
