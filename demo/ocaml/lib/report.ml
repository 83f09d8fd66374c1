(* What a person reads. *)

let cents amount = Printf.sprintf "%d.%02d" (amount / 100) (amount mod 100)

let line item =
  let open Item in
  Printf.sprintf "%-8s %-12s %3d x %8s" item.sku item.name item.quantity (cents item.price_cents)

let category inventory kind =
  let items = Inventory.in_category kind inventory in
  let heading = String.capitalize_ascii (Item.category_name kind) in
  let widest = 40 in
  String.concat "\n" (heading :: List.map line items)

let total inventory = "total " ^ cents (Inventory.total_cents inventory)
