"""Which models there are, and the back ends made for them so far.

A back end is made at its first use and kept while its settings stay the same: connections and prefix caches live in it.
"""

from aid import models
from aid.config import Config, ModelSettings
from aid.errors import AidError, UsageError
from aid.models.backend import Backend
from aid.protocol import ModelEntry


class Roster:
    def __init__(self) -> None:
        self._made: dict[str, tuple[ModelSettings, Backend]] = {}
        self._retired: list[Backend] = []

    def backend(self, name: str, config: Config) -> Backend:
        """The back end called `name`. Raises UsageError naming the models there are."""
        settings = settings_of(name, config)
        made = self._made.get(name)
        if made is not None and made[0] == settings:
            return made[1]
        if made is not None:
            self._retired.append(made[1])  # requests may still be using it: closed with the daemon
        backend = models.make(name, settings)
        self._made[name] = (settings, backend)
        return backend

    async def close(self) -> None:
        for backend in (*self._retired, *(backend for _, backend in self._made.values())):
            await backend.close()
        self._made.clear()
        self._retired.clear()


def settings_of(name: str, config: Config) -> ModelSettings:
    """Raises UsageError naming the models there are."""
    try:
        return config.models[name]
    except KeyError:
        raise UsageError(f"there is no model {name!r}: there are {', '.join(sorted(config.models))}") from None


def entries(default: str, config: Config) -> tuple[ModelEntry, ...]:
    """All models; `default` is the one that answers when none is named."""
    return tuple(_entry(name, default, config) for name in sorted(config.models))


def _entry(name: str, default: str, config: Config) -> ModelEntry:
    settings = config.models[name]
    try:
        detail, ready = models.detail(settings), True
    except AidError as missing:
        detail, ready = str(missing), False
    backend = str(settings.__struct_config__.tag)
    chosen = name == default != config.default_model
    return ModelEntry(name=name, backend=backend, default=name == default, chosen=chosen, ready=ready, detail=detail)
