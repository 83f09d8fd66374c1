(* An item on the shelf: its price is in cents, so that sums are exact. *)

type category = Tool | Part | Book

type t = { sku : string; name : string; category : category; price_cents : int; quantity : int }

let make ~sku ~name ~category ~price_cents ~quantity =
  if price_cents < 0 then invalid_arg "Item.make: negative price";
  if quantity < 0 then invalid_arg "Item.make: negative quantity";
  { sku; name; category; price_cents; quantity }

let value_cents item = item.price_cents * item.quantity

let category_name = function
  | Tool -> "tool"
  | Part -> "part"
  | Book -> "book"
