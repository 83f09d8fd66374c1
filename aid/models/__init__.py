"""Whatever answers a prompt, behind one interface (`backend.Backend`). `make` is the only way to get one."""

from typing import TYPE_CHECKING

from aid import config

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
