open Stock

let shelf =
  List.fold_left
    (fun inventory item -> Inventory.add item inventory)
    Inventory.empty
    [
      Item.make ~sku:"T-1" ~name:"hammer" ~category:Item.Tool ~price_cents:1250 ~quantity:3;
      Item.make ~sku:"P-7" ~name:"bolt" ~category:Item.Part ~price_cents:15 ~quantity:400;
      Item.make ~sku:"B-2" ~name:"manual" ~category:Item.Book ~price_cents:2999 ~quantity:1;
    ]

let () =
  print_endline (Report.category shelf Item.Part);
  print_endline (Report.totl shelf)
