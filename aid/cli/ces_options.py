"""Options that several `aid ces` commands have."""

import click

unsandboxed = click.option(
    "--run-untrusted-code-without-sandbox",
    "unsandboxed",
    is_flag=True,
    help="Judge even where this machine can't enclose what the diff's code does. See 'aid ces doctor'.",
)
