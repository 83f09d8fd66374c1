type t = { cents : int; currency : string }

val zero : string -> t
val make : cents:int -> currency:string -> t
val add : t -> t -> t option
val of_float : float -> string -> t
val to_string : t -> string
val discount : float -> t -> t
