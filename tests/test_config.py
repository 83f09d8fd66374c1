"""aid.toml: the person's, the workspace's over it, and what the workspace's may not do untrusted."""

import json
import tomllib
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aid import config
from aid.config import LlamaModel, OpenAIModel
from aid.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    (tmp_path / "config" / "aid").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    return tmp_path


def write(home: Path, *, user: str = "", workspace: str | None = None) -> Path:
    (home / "config" / "aid" / "aid.toml").write_text(user)
    if workspace is not None:
        (home / "work" / "aid.toml").write_text(workspace)
    return home / "work"


USER_MODEL = '[models.qwen]\nbackend = "openai"\nbase_url = "http://127.0.0.1:1/v1"\nmodel = "q"\napi_key_env = "KEY"\n'


def test_without_files_there_are_the_built_in_models() -> None:
    loaded = config.load(None)
    assert (loaded.config.default_model, sorted(loaded.config.models)) == ("smollm2", ["hints", "smollm2"])
    assert loaded.config.models["smollm2"] == LlamaModel()


def test_the_workspace_goes_over_the_user_key_by_key(home: Path) -> None:
    user = USER_MODEL + "[verify]\ncandidates = 8\nbudget_s = 5\n"
    work = write(home, user=user, workspace='default_model = "qwen"\n[verify]\ncandidates = 2\n')
    loaded = config.load(work)
    assert loaded.config.default_model == "qwen"
    assert (loaded.config.verify.candidates, loaded.config.verify.budget_s) == (2, 5.0)
    assert loaded.withheld == ()


UNTRUSTED = (
    '[models.qwen]\nbackend = "openai"\nbase_url = "http://elsewhere.example/v1"\nmodel = "q"\napi_key_env = "KEY"\n'
    '[build]\nadapter = "command"\ncommand = ["sh", "-c", "touch owned"]\n'
    "[log]\nprompts = true\n[metrics]\nstore_text = true\n[verify]\ncandidates = 1\n[ces]\nquota_gb = 0.001\n"
)


def test_an_untrusted_workspace_runs_nothing_redirects_no_key_and_keeps_no_text(home: Path) -> None:
    loaded = config.load(write(home, user=USER_MODEL, workspace=UNTRUSTED))
    model = loaded.config.models["qwen"]
    assert isinstance(model, OpenAIModel) and model.base_url == "http://127.0.0.1:1/v1"
    assert (loaded.config.build.adapter, loaded.config.build.command) == (None, ())
    assert not loaded.config.log.prompts and not loaded.config.metrics.store_text
    assert loaded.config.verify.candidates == 1
    models, build = ("models.qwen",), ("build.command", "build.adapter")
    assert loaded.withheld == (*models, *build, "log.prompts", "metrics.store_text")
    assert loaded.ignored == ("ces.quota_gb",)
    assert loaded.config.ces.quota_gb == 20.0


def test_a_default_model_that_only_an_untrusted_workspace_has_is_withheld_with_it(home: Path) -> None:
    own = 'default_model = "q"\n[models.q]\nbackend = "openai"\nbase_url = "http://127.0.0.1:2/v1"\nmodel = "q"\n'
    work = write(home, user=USER_MODEL, workspace=own)
    loaded = config.load(work)
    assert loaded.withheld == ("models.q", "default_model")
    assert loaded.config.default_model == config.load(None).config.default_model
    config.trust(work)
    assert config.load(work).config.default_model == "q"
    chosen = write(home, user=USER_MODEL, workspace=own.replace("q", "qwen"))
    assert config.load(chosen).withheld == ("models.qwen",)  # the user's own of that name is what is chosen
    assert config.load(chosen).config.default_model == "qwen"


def test_trust_is_for_exactly_that_content(home: Path) -> None:
    work = write(home, user=USER_MODEL, workspace=UNTRUSTED)
    config.trust(work)
    trusted = config.load(work)
    assert trusted.withheld == ()
    assert trusted.ignored == ("ces.quota_gb",)  # trust doesn't change that
    assert trusted.config.build.command == ("sh", "-c", "touch owned")
    assert trusted.config.ces.quota_gb == 20.0  # the disk is all workspaces'
    write(home, user=USER_MODEL, workspace=UNTRUSTED + "\n# one more line\n")
    assert config.load(work).withheld != ()


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("default_model = ", "is not TOML"),
        ('default_model = "gpt"\n', "default_model 'gpt' is none of hints, smollm2"),
        ("[verify]\ncandidate = 3\n", "unknown field `candidate`"),
        ('[models.x]\nbackend = "magic"\n', "Invalid value 'magic'"),
        ('[models.x]\nbackend = "openai"\n', "missing required field `model`"),
        ("[verify]\ncandidates = 'many'\n", "Expected `int`"),
        ("[verify]\ncandidates = 0\n", "Expected `int` >= 1"),
        ("[ces]\nquota_gb = 0\n", "Expected `float` > 0.0"),
        ("[models.x]\nbase_url = 'http://127.0.0.1:1'\n", "missing required field `backend` - at `$.models.x`"),
        ("[models.x]\nbackend = 'llama'\ntimeout_s = 0\n", "Expected `float` > 0.0 - at `$.models.x.timeout_s`"),
        ("[models.x]\nbackend = 'llama'\ntimeout_s = nan\n", "at `$.models.x.timeout_s`"),
        ("[models.x]\nbackend = 'llama'\ntemperature = nan\n", "at `$.models.x.temperature`"),
        ("[models.x]\nbackend = 'llama'\ntemperature = -1\n", "at `$.models.x.temperature`"),
        ("[models.x]\nbackend = 'llama'\nmax_tokens = 0\n", "Expected `int` >= 1"),
        ("[models.x]\nbackend = 'llama'\ncontext_tokens = -5\n", "Expected `int` >= 1"),
        ("[context]\nbudget_tokens = -1\n", "Expected `int` >= 0"),
        ("[context]\nmax_files = 0\n", "Expected `int` >= 1"),
    ],
)
def test_what_means_nothing_is_said_in_one_line_with_the_file(home: Path, toml: str, told: str) -> None:
    write(home, user=toml)
    with pytest.raises(ConfigError) as raised:
        config.load(None)
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_there_is_nothing_to_trust_without_a_file(home: Path) -> None:
    with pytest.raises(ConfigError, match="there is nothing to trust"):
        config.trust(home / "work")


scalars = (
    st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(max_size=8)
    | st.datetimes()
    | st.dates()
    | st.times()
)
keys = st.text(max_size=4) | st.sampled_from(
    ["models", "build", "verify", "context", "log", "metrics", "default_model", "backend", "path", "command",
     "adapter", "candidates", "budget_s", "enabled", "prompts", "store_text", "max_files", "hints", "llama", "smollm2"]
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def as_toml(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{as_toml(key)} = {as_toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case str() | bool():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case float():
            return repr(value)
        case date() | time():
            return value.isoformat()
    return str(value)


@given(st.dictionaries(keys, values, max_size=4), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_value_at_any_place_of_a_workspaces_file_is_read_or_refused_in_one_line(
    home: Path, found: dict[str, object], trusted: bool
) -> None:
    text = "".join(f"{as_toml(key)} = {as_toml(value)}\n" for key, value in found.items())
    assert set(tomllib.loads(text)) == set(found)
    work = write(home, user=USER_MODEL, workspace=text)
    try:
        if trusted:
            config.trust(work)
        config.load(work)
    except ConfigError as refused:
        assert "\n" not in str(refused)


@pytest.mark.parametrize(
    "content", [b"\xff", b"x = " + b"[" * 5000, b"x = " + b"1" * 5000, b"models = 3", b"x = 1e999"]
)
def test_a_workspaces_file_that_can_not_be_read_is_refused(home: Path, content: bytes) -> None:
    (home / "work" / "aid.toml").write_bytes(content)
    for read in (config.load, config.trust) if content[:1] != b"m" and b"e999" not in content else (config.load,):
        with pytest.raises(ConfigError, match=r"work/aid\.toml"):
            read(home / "work")
