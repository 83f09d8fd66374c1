"""What of the person's own a build does not get to see, and which tools it must go on seeing.

Names relative to the home directory that hold credentials, sessions or a record of what was typed. Tools live beside
them (`~/.opam`, `~/.cargo/bin`, `~/.nvm`), so the home directory as a whole stays readable.
"""

import functools
import os
import sys
import time
from pathlib import Path

LOOK_AGAIN_S = 5.0
TEMPORARY = ("/tmp", "/var/tmp")
# /run is emptied: sockets in it reach daemons outside. NixOS and Guix find their tools there.
_RUN_KEPT = ("/run/current-system", "/run/opengl-driver", "/run/booted-system")

_KEYS = (
    ".ssh",
    ".gnupg",
    ".pki",
    ".netrc",
    ".git-credentials",
    ".config/git/credentials",
    ".password-store",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".config/sops",
    ".age",
    ".vault-token",
    ".config/op",
    ".config/Bitwarden CLI",
    ".config/1Password",
    ".config/keybase",
    ".krb5",
    ".my.cnf",
    ".pgpass",
    ".config/rclone",
    ".config/filezilla",
    ".bitcoin",
    ".ethereum",
)
_CLOUDS = (
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".config/containers",
    ".config/gcloud",
    ".config/gh",
    ".config/glab-cli",
    ".config/hub",
    ".config/doctl",
    ".config/heroku",
    ".config/flyctl",
    ".fly",
    ".terraform.d",
    ".terraformrc",
    ".oci",
    ".boto",
    ".s3cfg",
    ".ibmcloud",
    ".colima",
    ".lima",
    ".rd",
    ".minikube",
)
_PACKAGES = (
    ".pypirc",
    ".npmrc",
    ".yarnrc.yml",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".config/pypoetry/auth.toml",
    ".config/hatch",
    ".composer/auth.json",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".nuget/NuGet",
    ".hex",
)
_ASSISTANTS = (
    ".config/aid",
    ".local/state/aid",
    ".local/share/aid",
    ".cache/aid",
    ".cache/huggingface/token",
    ".cache/huggingface/stored_tokens",
    ".huggingface",
    ".kaggle",
    ".config/openai",
    ".openai",
    ".anthropic",
    ".claude",
    ".claude.json",
    ".codex",
    ".gemini",
    ".config/github-copilot",
    ".wandb",
    ".config/wandb",
    ".authinfo",
    ".authinfo.gpg",
    ".hgrc",
    ".subversion/auth",
    ".svn-auth",
)
_PERSON = (
    ".mozilla",
    ".thunderbird",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    ".config/Signal",
    ".config/Slack",
    ".config/discord",
    ".config/Code/User/globalStorage",
    ".local/share/Trash",
    ".local/share/evolution",
    ".local/share/TelegramDesktop",
    "snap",
    ".var/app",
    "Mail",
    "Maildir",
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".histfile",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
    ".mysql_history",
    ".sqlite_history",
    ".utop-history",
    ".ocamlinit_history",
    ".lesshst",
    ".viminfo",
    ".local/state/nvim",
    ".emacs.d/auto-save-list",
    ".Xauthority",
    ".ICEauthority",
    ".dbus",
)
NAMES = (*_KEYS, *_CLOUDS, *_PACKAGES, *_ASSISTANTS, *_PERSON)
# Where the same names stand when the person's XDG directories are elsewhere (XDG Base Directory Specification 0.8).
_ELSEWHERE = {
    ".config/": "XDG_CONFIG_HOME",
    ".local/state/": "XDG_STATE_HOME",
    ".local/share/": "XDG_DATA_HOME",
    ".cache/": "XDG_CACHE_HOME",
}
_RUNTIME = "XDG_RUNTIME_DIR"
# A machine's own, which only root could read anyway.
_SYSTEM = ("/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/krb5.keytab", "/etc/sudoers")


def secrets() -> tuple[str, ...]:
    """What exists of it here. Looked for again every few seconds: what appears later is hidden too."""
    elsewhere = tuple((below, os.environ.get(variable, "")) for below, variable in _ELSEWHERE.items())
    runtime = os.environ.get(_RUNTIME, "")
    return _existing(str(Path.home()), elsewhere, runtime, os.geteuid(), int(time.monotonic() / LOOK_AGAIN_S))


@functools.lru_cache(maxsize=4)
def _existing(home: str, elsewhere: tuple[tuple[str, str], ...], runtime: str, euid: int, _now: int) -> tuple[str, ...]:
    found = [f"{home}/{name}" for name in NAMES]
    for below, place in elsewhere:
        if Path(place).is_absolute():
            found += [f"{place}/{name.removeprefix(below)}" for name in NAMES if name.startswith(below)]
    if Path(runtime).is_absolute():
        found += _in_runtime(Path(runtime))
    found += _SYSTEM if euid == 0 else ()
    # Where links lead: nothing can be mounted over a link itself.
    return tuple(dict.fromkeys(os.path.realpath(path) for path in found if Path(path).exists()))


def _in_runtime(directory: Path) -> list[str]:
    """All of a directory that is for sockets and locks; only what is ours of one that holds the home directory too."""
    own = not Path.home().resolve().is_relative_to(directory.resolve())
    return [str(directory if own else directory / "aid")]


def kept() -> list[str]:
    """Directories of tools, our own interpreter's among them, that a private /tmp and an empty /run would hide."""
    wanted = (sys.prefix, *os.environ.get("PATH", "").split(os.pathsep))
    temporary = [path for path in wanted if path.startswith(tuple(f"{each}/" for each in TEMPORARY))]
    return [path for path in dict.fromkeys((*_RUN_KEPT, *temporary)) if Path(path).exists()]
