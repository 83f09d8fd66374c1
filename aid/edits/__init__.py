"""Edits: from a model's reply to file changes, purely.

    parse      a reply's text → edits            place      one edit → where it goes in a document
    plan       all edits → whole file changes    describe   a refusal → text for the model
    unified    file changes → a git-style diff   hunks, select   single hunks of a change
    prose      a reply without its edits
    render     file changes → a reply            grammar    GBNF under which a reply can only be a fitting edit

Nothing here opens a file, waits or raises on what a model wrote: what can't be used comes back as a `Rejected`. The
five formats are one file each: search_replace, udiff, apply_patch, whole, line_range.
"""

from aid.edits.describe import describe
from aid.edits.diff import Hunk, hunks, select, unified
from aid.edits.edit import Document, Edit, Format, Op, Placed, Plan, Rejected
from aid.edits.grammar import Source, grammar
from aid.edits.parse import detect, parse
from aid.edits.path import check_path, clean_path
from aid.edits.place import place
from aid.edits.plan import plan
from aid.edits.prose import prose
from aid.edits.render import render

__all__ = [
    "Document",
    "Edit",
    "Format",
    "Hunk",
    "Op",
    "Placed",
    "Plan",
    "Rejected",
    "Source",
    "check_path",
    "clean_path",
    "describe",
    "detect",
    "grammar",
    "hunks",
    "parse",
    "place",
    "plan",
    "prose",
    "render",
    "select",
    "unified",
]
