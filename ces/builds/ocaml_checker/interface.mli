(** Whether two interfaces are the same to the modules that use them. *)

val same : Env.t -> alerts:Misc.alerts -> Types.signature -> Cmi_format.cmi_infos -> bool
(** The signature just inferred or declared, and the one in the base's .cmi. Places, comments and the compiler's own
    numbering don't count. True means that no dependent can tell the difference; false may be over-careful. *)
