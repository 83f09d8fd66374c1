(* All items by stock-keeping unit. *)

module By_sku = Map.Make (String)

type t = Item.t By_sku.t

let empty = By_sku.empty

let add item inventory = By_sku.add item.Item.sku item inventory

let find sku inventory = By_sku.find_opt sku inventory

let total_cents inventory =
  By_sku.fold (fun _ item sum -> sum + Item.value_cent item) inventory 0

let in_category category inventory =
  By_sku.filter (fun _ item -> item.Item.category = category) inventory
  |> By_sku.bindings |> List.map snd

let remove_one sku inventory =
  By_sku.update sku
    (Option.map (fun item -> { item with Item.quantity = max 0 (item.Item.quantity - 1) }))
    inventory
