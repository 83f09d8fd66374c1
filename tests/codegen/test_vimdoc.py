"""Neovim's help from the plugin's README: sections and commands become tags, settings are the protocol's own."""

from pathlib import Path

from aid.codegen import vimdoc

README = """# AID in Neovim

What it is, in a line that is long enough to be broken where the width of a help file's page is reached.

## Commands

### `:[range]Aid[!] {prompt}`

Ask. See `aid-chat` and `:AidStop`.

- one, that goes on
  here
- two

## Chat

```lua
print("as it is")
```

<!-- settings: written -->
stale
<!-- /settings -->
"""
HELP = """\
*aid.txt*  AID in Neovim

Commands                                                        |aid-commands|
Chat                                                                |aid-chat|

What it is, in a line that is long enough to be broken where the width of a
help file's page is reached.

==============================================================================
COMMANDS                                                        *aid-commands*

:[range]Aid[!] {prompt}                                                 *:Aid*

Ask. See |aid-chat| and |:AidStop|.

- one, that goes on here
- two

==============================================================================
CHAT                                                                *aid-chat*

>lua
    print("as it is")
<
"""


def test_help_is_written_from_the_readme(tmp_path: Path) -> None:
    file = tmp_path / vimdoc.README
    file.parent.mkdir(parents=True)
    file.write_text(README)
    said = vimdoc.text(tmp_path)
    assert said.startswith(HELP)
    assert "\n- `enable`, `true` by default. Whether AID is started at all.\n" in said
    assert "stale" not in said and max(map(len, said.splitlines())) <= vimdoc.WIDTH
