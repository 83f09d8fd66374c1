type t = { mutable lines : (Item.t * int) list; log : Buffer.t }

let create () = { lines = []; log = Buffer.create 16 }

let note basket text =
  Buffer.add_string basket.log text;
  Buffer.add_char basket.log '\n'

let put basket item count =
  if Item.take item count then begin
    basket.lines <- (item, count) :: basket.lines;
    note basket ("put " ^ item.Item.name)
  end
  else note basket ("out of " ^ item.Item.name)

let count basket =
  let total = ref 0 in
  List.iter (fun (_, n) -> total := !total + n) basket.lines;
  !total

let rec sum_lines currency = function
  | [] -> Some (Money.zero currency)
  | (item, count) :: rest ->
      let line = { item.Item.price with cents = item.Item.price.cents * count } in
      Option.bind (sum_lines currency rest) (Money.add line)

let total ?(rate = 0.0) basket currency =
  match sum_lines currency basket.lines with
  | None -> None
  | Some money -> Some (Money.discount rate money)

let print_log basket =
  print_string "log:";
  print_newline ();
  print_string (Buffer.contents basket.log)
