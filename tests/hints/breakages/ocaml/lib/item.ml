type kind =
  | Book
  | Food of int
  | Service of string * int

type t = {
  name : string;
  kind : kind;
  price : Money.t;
  mutable stock : int;
}

let make name kind price stock = { name; kind; price; stock }

let taxed = function
  | Book -> false
  | Food _ -> false
  | Service _ -> true

let describe item =
  match item.kind with
  | Book -> "book " ^ item.name
  | Food days -> item.name ^ ", keeps " ^ string_of_int days ^ " days"
  | Service (who, hours) -> Printf.sprintf "%s by %s, %d h" item.name who hours

let take item count =
  if count > item.stock then false
  else begin
    item.stock <- item.stock - count;
    true
  end

let shelf_life = function
  | Food days -> Some days
  | Book -> None
  | Service _ -> None
