open Stock

let bolt = Item.make ~sku:"P-7" ~name:"bolt" ~category:Item.Part ~price_cents:15 ~quantity:2
let shelf = Inventory.add bolt Inventory.empty

let () =
  assert (Inventory.total_cents shelf = 30);
  assert (Inventory.total_cents (Inventory.remove_one "P-7" shelf) = 15);
  assert (Inventory.find "none" shelf = None);
  assert (Report.total shelf = "total 0.30")
