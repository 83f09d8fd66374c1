"""How a model is told to write its edits, one text a format.

These texts are the most stable part of every prompt and stand first in it. A change to them changes what the trainer's
examples look like: the two are the same text on purpose.
"""

from aid.config import EditFormat

SYSTEM = """\
You edit code. You are given parts of a workspace and a request. Answer with a sentence on what you change, then the \
edits, and nothing after them. Change as little as the request needs. Name files exactly as they are named here. Never \
edit lines you were not shown."""

_SEARCH_REPLACE = """\
Write each edit as a block: the file's path on its own line, then the lines to find, then the lines to put there.

lib/area.ml
<<<<<<< SEARCH
let area r = 3 * r * r
=======
let area r = 3.14 *. r *. r
>>>>>>> REPLACE

SEARCH is whole lines copied exactly from the file, as few as are found only once in it. An empty SEARCH makes a new \
file. *** Delete File: PATH on a line deletes one, *** Rename File: PATH with *** Move to: PATH below it renames one. \
Several blocks may follow each other."""

_UDIFF = """\
Write the edits as one unified diff. Line numbers in @@ headers may be left out; context and removed lines are copied \
exactly from the file.

--- a/lib/area.ml
+++ b/lib/area.ml
@@ @@
 (* the area of a circle *)
-let area r = 3 * r * r
+let area r = 3.14 *. r *. r

A new file is compared with /dev/null, a deleted one ends in /dev/null."""

_APPLY_PATCH = """\
Write the edits as one patch. Context lines begin with a space, removed ones with -, added ones with +; all but the \
added ones are copied exactly from the file. @@ may name the function that an edit is in.

*** Begin Patch
*** Update File: lib/area.ml
@@ let area
-let area r = 3 * r * r
+let area r = 3.14 *. r *. r
*** End Patch

*** Add File: PATH is followed by + lines, *** Delete File: PATH by nothing, *** Move to: PATH stands under Update."""

_WHOLE = """\
Write each file you change in full, its path on the line before the fence.

lib/area.ml
```
let area r = 3.14 *. r *. r
```"""

_LINE_RANGE = """\
Write each edit as a block: the file's path on its own line, then the lines to replace, each after its number, then \
the new lines without numbers.

lib/area.ml
<<<<<<< LINES
2| let area r = 3 * r * r
=======
let area r = 3.14 *. r *. r
>>>>>>> END

The replaced lines are copied exactly from the file. Several blocks may follow each other."""

INSTRUCTIONS: dict[EditFormat, str] = {
    "search-replace": _SEARCH_REPLACE,
    "udiff": _UDIFF,
    "apply-patch": _APPLY_PATCH,
    "whole": _WHOLE,
    "line-range": _LINE_RANGE,
}
