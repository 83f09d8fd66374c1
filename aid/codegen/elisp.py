"""plugins/emacs/aid-protocol.el: method names and, for what comes as a plist, accessors that know the defaults.

A field at its default is not on the wire, and nil, false and an empty list differ there: `aid-protocol-NAME-FIELD`
gives 0, "" and nil where a plist has nothing, t or nil for a boolean, and a list for an array. The settings are there
as what `customize` shows.
"""

import json
import re
import textwrap

from msgspec import inspect as types

from aid.codegen.shape import Field, Record, notifications, paragraphs, record, records, requests, without_nothing
from aid.protocol import VERSION, EditorSettings, Method

PATH = "plugins/emacs/aid-protocol.el"

HEAD = """\
;;; aid-protocol.el --- What goes over the wire to AID's daemon  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Written by `python -m aid.codegen' from aid/protocol.py; changes here are lost.
;;
;; What comes from the daemon is a plist without the fields that are at their
;; default.  Each accessor `aid-protocol-NAME-FIELD' knows that default, gives t or
;; nil for a boolean, and a list for an array.

;;; Code:

(defun aid-protocol--field (object key kind default)
  "Return the field KEY of OBJECT, a plist, as a KIND; DEFAULT where it is absent."
  (let ((value (if (plist-member object key) (plist-get object key) default)))
    (pcase kind
      ('boolean (eq value t))
      ('list (append value nil))
      (_ (if (eq value :json-null) nil value)))))

(defmacro aid-protocol--record (name &rest fields)
  "Define an accessor for each of FIELDS of the record NAME.
A field is (FIELD KIND DEFAULT)."
  (declare (indent 1))
  `(progn
     ,@(mapcar
        (lambda (field)
          (pcase-let ((`(,key ,kind ,default) field))
            `(defun ,(intern (format "aid-protocol-%s-%s" name (string-replace "_" "-" (symbol-name key)))) (object)
               ,(format "Return the field `%s' of OBJECT, a %s." key name)
               (aid-protocol--field object ,(intern (format ":%s" key)) ',kind ',default))))
        fields)))
"""

GROUP = """\
(defgroup aid nil
  "Changes to a project by a local daemon, each checked by the project's build."
  :group 'tools)
"""


def text() -> str:
    told = {each.params.__name__ for each in notifications()}
    parts = [
        HEAD,
        f'(defconst aid-protocol-version {VERSION}\n  "The protocol\'s version.")\n',
        _methods("requests", "What the daemon answers", requests()),
        _methods("notifications", "What the daemon sends unasked", notifications()),
        GROUP,
        *map(_setting, record(EditorSettings).fields),
        *(_record(each) for each in records() if not each.name.endswith("Params") or each.name in told),
        "(provide 'aid-protocol)\n;;; aid-protocol.el ends here\n",
    ]
    return "\n".join(parts)


def _methods(name: str, doc: str, methods: list[Method]) -> str:
    names = "\n    ".join(f":{each.name}" for each in methods)
    return f'(defconst aid-protocol-{name}\n  \'({names})\n  "{doc}, as jsonrpc.el names methods.")\n'


def _setting(field: Field) -> str:
    """What a person may set. A repository may say that AID is off there, and nothing else."""
    doc = re.sub(r"`([^`]+)`", r'\\"\1\\"', field.doc).replace(". ", ".\n")
    match field.type.type if isinstance(field.type, types.Metadata) else field.type:
        case types.BoolType():
            kind = "'boolean :safe #'booleanp"
        case types.LiteralType(values=values):
            kind = f"'(choice {' '.join(f'(const {json.dumps(each)})' for each in values)})"
        case _:
            kind = "'(repeat string)"
    quote = "'" if isinstance(field.default, tuple) else ""
    return f'(defcustom aid-{field.name.replace("_", "-")} {quote}{_default(field)}\n  "{doc}"\n  :type {kind})\n'


def _record(shown: Record) -> str:
    doc = "".join(f";; {line}\n" for part in paragraphs(shown.doc) for line in _wrapped(part))
    fields = "".join(f"\n  ({field.name} {_kind(field)} {_default(field)})" for field in shown.fields)
    return f"{doc}(aid-protocol--record {_kebab(shown.name)}{fields})\n"


def _wrapped(part: str) -> list[str]:
    return textwrap.wrap(part, 76)


def _kind(field: Field) -> str:
    match without_nothing(field.type):
        case types.BoolType() | types.Metadata(type=types.BoolType()):
            return "boolean"
        case types.VarTupleType() | types.Metadata(type=types.VarTupleType()):
            return "list"
        case types.StructType() | types.DictType():
            return "plist"
        case _:
            return "value"


def _default(field: Field) -> str:
    value = None if field.required else field.default
    match value:
        case None | False:
            return "nil"
        case True:
            return "t"
        case str():
            return f'"{value}"'
        case int() | float():
            return str(value)
        case tuple() if value and all(isinstance(each, str) for each in value):
            return "(" + " ".join(f'"{each}"' for each in value) + ")"
        case _:
            return "nil"


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
