"""`aid completion`: the script that a shell sources."""

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of SHELL.

    For bash: eval "$(aid completion bash)", likewise for zsh; for fish: aid completion fish | source.
    """
    from click.shell_completion import get_completion_class

    from aid.cli.main import aid

    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completer(aid, {}, "aid", "_AID_COMPLETE").source())
