"""Which models there are, and the back ends made for them so far.

A back end is made at its first use and kept while its settings stay the same: connections and prefix caches live in it.
"""

from pathlib import Path

from aid import models
from aid.config import Config, ModelSettings
from aid.errors import AidError, UsageError
from aid.models.backend import Backend
from aid.protocol import ModelEntry


class Roster:
    def __init__(self) -> None:
        self._made: dict[str, tuple[ModelSettings, Backend]] = {}
        self._chosen: dict[Path | None, str] = {}
        self._retired: list[Backend] = []

    def choose(self, name: str, workspace: Path | None, config: Config) -> None:
        """Make `name` the default, for one workspace or (None) for all, until the daemon ends."""
        self._settings(name, config)
        self._chosen[workspace] = name

    def default(self, workspace: Path | None, config: Config) -> str:
        chosen = self._chosen.get(workspace) or self._chosen.get(None)
        return chosen if chosen in config.models else config.default_model

    def backend(self, name: str, config: Config) -> Backend:
        """The back end called `name`. Raises UsageError naming the models there are."""
        settings = self._settings(name, config)
        made = self._made.get(name)
        if made is not None and made[0] == settings:
            return made[1]
        if made is not None:
            self._retired.append(made[1])  # requests may still be using it: closed with the daemon
        backend = models.make(name, settings)
        self._made[name] = (settings, backend)
        return backend

    def entries(self, workspace: Path | None, config: Config) -> tuple[ModelEntry, ...]:
        default = self.default(workspace, config)
        return tuple(_entry(name, settings, default) for name, settings in sorted(config.models.items()))

    async def close(self) -> None:
        for backend in (*self._retired, *(backend for _, backend in self._made.values())):
            await backend.close()
        self._made.clear()
        self._retired.clear()

    @staticmethod
    def _settings(name: str, config: Config) -> ModelSettings:
        try:
            return config.models[name]
        except KeyError:
            raise UsageError(f"there is no model {name!r}: there are {', '.join(sorted(config.models))}") from None


def _entry(name: str, settings: ModelSettings, default: str) -> ModelEntry:
    try:
        detail, ready = models.detail(settings), True
    except AidError as missing:
        detail, ready = str(missing), False
    backend = str(settings.__struct_config__.tag)
    return ModelEntry(name=name, backend=backend, default=name == default, ready=ready, detail=detail)
