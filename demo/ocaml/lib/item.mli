(** An item on the shelf. *)

type category = Tool | Part | Book

type t = { sku : string; name : string; category : category; price_cents : int; quantity : int }

val make : sku:string -> name:string -> category:category -> price_cents:int -> quantity:int -> t
(** Raises [Invalid_argument] on a negative price or quantity. *)

val value_cents : t -> int
(** Price times quantity. *)

val category_name : category -> string
