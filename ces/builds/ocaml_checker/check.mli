(** Checking one module as ocamlc does, in this process.

    What a check leaves in the process is only the environment it loaded: [Checker] runs each in a fork. *)

type unit_kind = Impl | Intf

type job = {
  kind : unit_kind;
  unit : string;  (** the name of the compilation unit, [Lib__Foo] *)
  source : string;  (** as messages are to name it *)
  prefix : string;  (** of what would be written *)
  text : string option;  (** source or dumped syntax tree; None: read [source] *)
  original : string option;  (** the source a syntax tree was made from *)
  has_interface : bool;  (** the unit has an .mli of its own, compiled already *)
  only_parse : bool;
}

type verdict = {
  status : [ `Green | `Red | `Unsure of string ];
  parsed : bool;
  output : string;  (** what ocamlc would print, warnings too *)
  names : string list;  (** free module names, as ocamldep finds them *)
  interface : (Types.signature * Misc.alerts) option;  (** what the unit's .cmi would say, when this one makes it *)
}

val set_up : string list -> unit
(** From ocamlc's options (without -c, -o and the file): once a process, before anything else here. *)

val load_path : (string list -> string list) -> unit
(** Change the directories of .cmi files and forget everything loaded. *)

val environment : unit -> Env.t
(** What a module is checked in. *)

val run : job -> verdict
(** Never raises. *)
