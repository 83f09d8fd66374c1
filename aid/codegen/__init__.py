"""What is written from `aid/protocol.py`, so that no plugin and no page can drift from it.

`python -m aid.codegen` writes the files, `--check` says which are not as they would be written. One file a target:
TypeScript, Lua, elisp, JSON Schema, a page to read, VS Code's settings.
"""
