(** Items by stock-keeping unit. *)

type t

val empty : t

val add : Item.t -> t -> t
(** Replaces an item of the same unit. *)

val find : string -> t -> Item.t option

val total_cents : t -> int

val in_category : Item.category -> t -> Item.t list
(** In the order of their units. *)

val remove_one : string -> t -> t
(** One fewer, never below none; no change where there is no such unit. *)
