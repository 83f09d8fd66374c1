type message = (string * string) list

let add_word buffer word =
  Buffer.add_int32_be buffer (Int32.of_int (String.length word));
  Buffer.add_string buffer word

let to_frame message =
  let body = Buffer.create 1024 in
  List.iter
    (fun (name, value) ->
      add_word body name;
      add_word body value)
    message;
  let frame = Buffer.create (Buffer.length body + 4) in
  add_word frame (Buffer.contents body);
  Buffer.contents frame

let rec write_all fd bytes from left =
  if left > 0 then
    match Unix.write_substring fd bytes from left with
    | written -> write_all fd bytes (from + written) (left - written)
    | exception Unix.Unix_error (Unix.EINTR, _, _) -> write_all fd bytes from left

let write fd message =
  let frame = to_frame message in
  write_all fd frame 0 (String.length frame)

let rec read_all fd bytes from left =
  left = 0
  ||
  match Unix.read fd bytes from left with
  | 0 -> false
  | got -> read_all fd bytes (from + got) (left - got)
  | exception Unix.Unix_error (Unix.EINTR, _, _) -> read_all fd bytes from left

let length text at = Int32.to_int (String.get_int32_be text at)

let of_payload payload =
  let size = String.length payload in
  let word at =
    if at + 4 > size then None
    else
      let length = length payload at in
      if length < 0 || length > size - at - 4 then None else Some (String.sub payload (at + 4) length, at + 4 + length)
  in
  let rec pairs at found =
    if at = size then Some (List.rev found)
    else
      match word at with
      | None -> None
      | Some (name, at) -> (
          match word at with
          | None -> None
          | Some (value, at) -> pairs at ((name, value) :: found))
  in
  pairs 0 []

let read fd =
  let head = Bytes.create 4 in
  if not (read_all fd head 0 4) then None
  else
    let size = length (Bytes.to_string head) 0 in
    if size < 0 then None
    else
      let body = Bytes.create size in
      if read_all fd body 0 size then of_payload (Bytes.unsafe_to_string body) else None

let value message name = Option.value (List.assoc_opt name message) ~default:""
let values message name = List.filter_map (fun (key, value) -> if key = name then Some value else None) message
