let mean = function
  | [] -> None
  | values ->
      let total = List.fold_left ( +. ) 0.0 values in
      Some (total /. float_of_int (List.length values))

let variance values =
  match mean values with
  | None -> None
  | Some m ->
      let squares = List.map (fun v -> (v -. m) *. (v -. m)) values in
      mean squares

let rec gcd a b = if b = 0 then a else gcd b (a mod b)

let clamp ~low ~high value =
  if value < low then low else if value > high then high else value

let histogram ~width values =
  let bins = Hashtbl.create 8 in
  let add value =
    let key = value / width in
    let before = Option.value (Hashtbl.find_opt bins key) ~default:0 in
    Hashtbl.replace bins key (before + 1)
  in
  List.iter add values;
  List.sort compare (List.of_seq (Hashtbl.to_seq bins))

let percent part whole = 100.0 *. float_of_int part /. float_of_int whole
