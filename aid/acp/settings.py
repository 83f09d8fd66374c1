"""What a person sets of a session: the mode and the model, as the protocol's options (and modes, for older editors)."""

from collections.abc import Sequence

from aid.acp import schema
from aid.errors import UsageError
from aid.protocol import ModelEntry

ASK, GREEN, SHOW = "ask", "green", "show"
MODES = (
    schema.Mode(id=ASK, name="Ask", description="Ask before each file is written."),
    schema.Mode(id=GREEN, name="Write when green", description="Write what the build says is green, ask for the rest."),
    schema.Mode(id=SHOW, name="Show only", description="Show the change and write nothing."),
)


class Settings:
    """`models` are the daemon's; the model that is set is for this session alone."""

    def __init__(self, models: Sequence[ModelEntry]) -> None:
        self._models = tuple(models)
        self._chosen: str | None = None
        self.mode = ASK

    @property
    def chosen(self) -> str | None:
        """The model set for this session; None: the daemon's default, whichever that is at the time."""
        return self._chosen

    @property
    def model(self) -> str:
        default = next((each.name for each in self._models if each.default), "")
        return self._chosen or default or (self._models[0].name if self._models else "the model")

    def set(self, option: str, value: str | bool) -> None:
        """Raises UsageError for an option or a value that there is none of."""
        values = {"mode": [mode.id for mode in MODES], "model": [each.name for each in self._models]}
        if option not in values:
            raise UsageError(f"there is no option {option!r}: there are {', '.join(values)}")
        if value not in values[option]:
            raise UsageError(f"{option} can't be {value!r}: it is one of {', '.join(values[option])}")
        if option == "mode":
            self.mode = str(value)
        else:
            self._chosen = str(value)

    def options(self) -> tuple[schema.Option, ...]:
        modes = tuple(schema.Choice(value=mode.id, name=mode.name, description=mode.description) for mode in MODES)
        found = [schema.Option(id="mode", name="Mode", category="mode", current_value=self.mode, options=modes)]
        if self._models:
            models = tuple(_choice(each) for each in self._models)
            found.append(
                schema.Option(id="model", name="Model", category="model", current_value=self.model, options=models)
            )
        return tuple(found)

    def modes(self) -> schema.Modes:
        return schema.Modes(current_mode_id=self.mode, available_modes=MODES)


def _choice(model: ModelEntry) -> schema.Choice:
    told = [model.backend] + ([] if model.ready else ["not ready"]) + ([model.detail] if model.detail else [])
    return schema.Choice(value=model.name, name=model.name, description=", ".join(told))
