"""aid.toml: the user's, then the workspace's over it.

A workspace's file arrives with the repository, so until the person trusts it (`aid trust`, by content) the
settings that run commands, load files as code or say where keys are sent are left out; `load` names them.
"""

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from aid import paths
from aid.errors import ConfigError
from aid.printable import one_line
from ces.builds.adapter import BuildSettings

FILE_NAME = "aid.toml"
DEFAULT_MODEL = "smollm2"
_OF_ALL_WORKSPACES = ("ces", "sessions")

Count = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400 * 7)]  # a bound also keeps TOML's nan and inf out
EditFormat = Literal["search-replace", "udiff", "apply-patch", "whole", "line-range"]


class _Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="backend"):
    """What every model's table may say. `format` None: the back end's own best."""

    format: EditFormat | None = None
    context_tokens: Count = 8192
    max_tokens: Count = 1024
    temperature: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.2
    timeout_s: Seconds = 120.0


class LlamaModel(_Model, frozen=True, kw_only=True, tag="llama"):
    """The embedded engine. `path` None: the default model; `engine` None: the faster one that is installed.

    `adapter` is a GGUF LoRA file; requests may name another. `parallel` is how many candidates are decoded at once.
    """

    max_tokens: Count = 512  # a small model that has not ended by then is repeating itself
    path: str | None = None
    adapter: str | None = None
    engine: Literal["xllamacpp", "llama-cpp-python"] | None = None
    threads: Count | None = None
    parallel: Count = 4


class _RemoteModel(_Model, frozen=True, kw_only=True):
    """A server. `timeout_s` is the whole request, retries included; `first_token_timeout_s` None: as long as that.

    `token_timeout_s` is the longest silence inside an answer. The key is `api_key_env`'s, else the keyring's for
    `keyring_service` and user "aid".
    """

    model: str
    keyring_service: str | None = None
    retries: Annotated[int, msgspec.Meta(ge=0, le=100)] = 3
    connect_timeout_s: Seconds = 10.0
    first_token_timeout_s: Seconds | None = None
    token_timeout_s: Seconds = 60.0


class OpenAIModel(_RemoteModel, frozen=True, kw_only=True, tag="openai"):
    """Any OpenAI-compatible server. `grammar`: the server takes llama.cpp's `grammar` field."""

    base_url: str
    api_key_env: str | None = None
    grammar: bool = False


class AnthropicModel(_RemoteModel, frozen=True, kw_only=True, tag="anthropic"):
    base_url: str = "https://api.anthropic.com"
    api_key_env: str | None = "ANTHROPIC_API_KEY"


class HintsModel(_Model, frozen=True, kw_only=True, tag="hints"):
    """No model: rules over what the compiler says."""


class ReplayModel(_Model, frozen=True, kw_only=True, tag="replay"):
    """Recorded replies from a JSON Lines file; see aid/models/replay.py."""

    path: str


ModelSettings = LlamaModel | OpenAIModel | AnthropicModel | HintsModel | ReplayModel


class VerifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to look for a green proposal: at most `candidates` samples and `budget_s` seconds a request."""

    enabled: bool = True
    hints: bool = True
    candidates: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    budget_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0


class ContextSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`budget_tokens` None: what the model's context leaves beside its answer. Larger files are not indexed."""

    budget_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    max_file_bytes: Count = 1_000_000
    max_files: Count = 200_000


class LogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`prompts`: write prompt and reply text to the log too."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    prompts: bool = False


class MetricsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`store_text`: keep prompts and diffs in the metrics database too."""

    enabled: bool = True
    store_text: bool = False


class CesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quota_gb`: how much disk built bases may take together, in GB of 10^9 bytes; the least recently used go first.

    All workspaces share it, so only the user's own file may say it.
    """

    quota_gb: Annotated[float, msgspec.Meta(gt=0)] = 20.0


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept for later, of all workspaces: proposals, and the turns of chats, each for `keep_days` at most.

    The user's own file decides.
    """

    keep_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    proposals: Annotated[int, msgspec.Meta(ge=1)] = 200
    chats: Annotated[int, msgspec.Meta(ge=1)] = 100


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default_model: str = DEFAULT_MODEL
    models: dict[str, ModelSettings] = {}
    build: BuildSettings = BuildSettings()
    verify: VerifySettings = VerifySettings()
    ces: CesSettings = CesSettings()
    context: ContextSettings = ContextSettings()
    sessions: SessionSettings = SessionSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()


BUILT_IN_MODELS: dict[str, ModelSettings] = {DEFAULT_MODEL: LlamaModel(), "hints": HintsModel()}


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration and where it came from.

    `withheld` names the workspace's settings left out for want of trust, `ignored` those that no trust lets it set.
    """

    config: Config
    files: tuple[str, ...]
    withheld: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def load(workspace: Path | None) -> Loaded:
    """The configuration for `workspace` (None: the user's alone). Raises ConfigError naming file and key."""
    user_file = paths.config_dir() / FILE_NAME
    merged = _read(user_file)
    files = [str(user_file)] if user_file.is_file() else []
    withheld, ignored = list[str](), list[str]()
    if workspace is not None and (workspace / FILE_NAME).is_file():
        own_file = workspace / FILE_NAME
        content = _content(own_file)
        own = _parse(content, own_file)
        ignored = _shared(own)
        if not is_trusted(content):
            withheld = _withhold(own, merged)
        merged = _over(merged, own)
        files.append(str(own_file))
    try:
        config = msgspec.convert(merged, Config)
    except msgspec.ValidationError as error:
        told = one_line(_named(str(error), merged))
        raise ConfigError(f"{' + '.join(files)}: {told}; see README.md, 'Configuration'") from error
    config = msgspec.structs.replace(config, models=BUILT_IN_MODELS | config.models)
    if config.default_model not in config.models:
        known = one_line(", ".join(sorted(config.models)))
        raise ConfigError(f"{' + '.join(files)}: default_model {config.default_model!r} is none of {known}")
    return Loaded(config=config, files=tuple(files), withheld=tuple(withheld), ignored=tuple(ignored))


def _named(told: str, merged: dict[str, Any]) -> str:
    """`told` of a model's table, with the model's name where msgspec leaves it out."""
    tables = merged.get("models")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        try:
            msgspec.convert(table, ModelSettings)
        except msgspec.ValidationError:  # the first is what `told` is of
            return told.replace("$.models[...]", f"$.models.{name}")
    return told


def is_trusted(content: bytes) -> bool:
    """Whether the person trusted a file with exactly this content."""
    trust = _trust_file()
    return trust.is_file() and hashlib.sha256(content).hexdigest() in trust.read_text("utf-8").split()


def trust(workspace: Path) -> None:
    """Trust `workspace`'s aid.toml as it is now; a later change needs trust again."""
    own_file = workspace / FILE_NAME
    if not own_file.is_file():
        raise ConfigError(f"{own_file} is missing: there is nothing to trust")
    content = _content(own_file)
    _parse(content, own_file)
    if not is_trusted(content):
        with _trust_file().open("a", encoding="utf-8") as out:
            out.write(hashlib.sha256(content).hexdigest() + "\n")


def _trust_file() -> Path:
    return paths.config_dir() / "trusted"


def _read(path: Path) -> dict[str, Any]:
    return _parse(_content(path), path) if path.exists() else {}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # a number of many digits is a plain ValueError
        raise ConfigError(f"{path} is not TOML: {one_line(str(error))}") from error


def _shared(own: dict[str, Any]) -> list[str]:
    """Take out of `own`, in place, what is for all workspaces: one may not evict the others' bases or proposals."""
    ignored: list[str] = []
    for table in _OF_ALL_WORKSPACES:
        taken = own.pop(table, None)
        ignored += [f"{table}.{one_line(key)}" for key in taken] if isinstance(taken, dict) else []
    return ignored


def _withhold(own: dict[str, Any], users: dict[str, Any]) -> list[str]:
    """Take out of `own`, in place, what only a trusted file may set; the names of what was taken.

    A workspace may choose among the models the user knows; its own model tables could send code and keys anywhere, and
    a default model that is only among these goes with them.
    What is no table is left for the conversion to refuse.
    """
    withheld: list[str] = []
    if isinstance(own.get("models"), dict):
        tables = own.pop("models")
        withheld = [f"models.{one_line(name)}" for name in tables]
        default, known = own.get("default_model"), users.get("models")
        known = BUILT_IN_MODELS | known if isinstance(known, dict) else BUILT_IN_MODELS
        if isinstance(default, str) and default in tables and default not in known:
            withheld.append("default_model")
            del own["default_model"]
    build = own.get("build")
    if isinstance(build, dict):
        withheld += [f"build.{key}" for key in ("command",) if build.pop(key, None) is not None]
        if build.get("adapter") in ("command", "none"):
            withheld.append("build.adapter")
            del build["adapter"]
    verify = own.get("verify")
    if isinstance(verify, dict) and verify.pop("enabled", None) is not None:
        withheld.append("verify.enabled")  # whether proposals are judged is the person's to say
    log = own.get("log")
    if isinstance(log, dict) and log.pop("prompts", None) is not None:
        withheld.append("log.prompts")
    metrics = own.get("metrics")
    if isinstance(metrics, dict) and metrics.pop("store_text", None) is not None:
        withheld.append("metrics.store_text")
    return withheld


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
