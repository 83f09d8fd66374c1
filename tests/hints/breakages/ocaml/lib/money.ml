type t = { cents : int; currency : string }

let zero currency = { cents = 0; currency }

let make ~cents ~currency = { cents; currency }

let add a b =
  if a.currency <> b.currency then None
  else Some { a with cents = a.cents + b.cents }

let of_float amount currency =
  let cents = int_of_float ((amount *. 100.0) +. 0.5) in
  { cents; currency }

let to_string { cents; currency } =
  Printf.sprintf "%d.%02d %s" (cents / 100) (cents mod 100) currency

let discount rate money =
  let kept = 1.0 -. rate in
  let cents = float_of_int money.cents *. kept in
  { money with cents = int_of_float cents }
