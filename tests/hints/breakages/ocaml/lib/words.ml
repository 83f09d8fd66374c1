open Printf

let split text = Str.split (Str.regexp "[ \t]+") text

let is_vowel c =
  match c with
  | 'a' | 'e' | 'i' | 'o' | 'u' -> true
  | _ -> false

let capitals text =
  let letters = List.map String.capitalize_ascii (split text) in
  String.concat " " letters

let vowels text =
  let found = ref 0 in
  for i = 0 to String.length text - 1 do
    if is_vowel text.[i] then incr found
  done;
  !found

let rec repeat n text = if n <= 0 then "" else text ^ repeat (n - 1) text

let table rows =
  let line (left, right) = sprintf "%s: %d" left right in
  String.concat "\n" (List.map line rows)

let longest texts =
  List.fold_left
    (fun best text -> if String.length text > String.length best then text else best)
    "" texts
