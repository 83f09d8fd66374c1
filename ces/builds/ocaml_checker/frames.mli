(** What goes over a pipe: a message is a list of (name, value), in a frame with its length in front.

    Lengths are four bytes, the most significant first: [length of the rest, (length, name, length, value)*]. *)

type message = (string * string) list

val write : Unix.file_descr -> message -> unit

val read : Unix.file_descr -> message option
(** None at the end of the input, also in the middle of a frame. *)

val of_payload : string -> message option
(** The message in a frame without its leading length; None when it isn't one. *)

val to_frame : message -> string

val value : message -> string -> string
(** "" for a name that isn't there. *)

val values : message -> string -> string list
(** Every value under that name, in order. *)
