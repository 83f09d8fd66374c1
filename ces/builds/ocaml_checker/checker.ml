(* Modes:

     checker version           the compiler's version
     checker imports           paths of .cmi and .cmo files on stdin, one a line; each comes back with the units it read
     checker serve OPTIONS     a server for the modules that are compiled with these options, in this directory

   The server reads frames from stdin and answers on stdout (see [Frames]). A "warm" request checks modules here, so that
   every fork finds their interfaces loaded, and "settle" ends them; each "check" runs in a fork of its own, which ends by
   itself when its time is over. No code of the project is ever run. *)

(* Without a digest: only named, as the target of an alias. *)
let read_units imports = List.filter_map (fun (name, digest) -> Option.map (fun _ -> name) digest) imports

let imports path =
  if Filename.check_suffix path ".cmi" then read_units (Cmi_format.read_cmi path).cmi_crcs
  else
    let channel = open_in_bin path in
    Fun.protect ~finally:(fun () -> close_in channel) @@ fun () ->
    let magic = Config.cmo_magic_number in
    if really_input_string channel (String.length magic) <> magic then failwith (path ^ ": not an object file");
    seek_in channel (input_binary_int channel);
    read_units (Compat.cmo_imports (input_value channel : Cmo_format.compilation_unit))

let print_imports () =
  try
    while true do
      let path = input_line stdin in
      Printf.printf "%s\t%s\n" path (String.concat " " (imports path))
    done
  with End_of_file -> ()

let optional message name = List.assoc_opt name message

let job_of message =
  let value = Frames.value message in
  {
    Check.kind = (if value "kind" = "intf" then Check.Intf else Check.Impl);
    unit = value "unit";
    source = value "source";
    prefix = value "prefix";
    text = optional message "text";
    original = optional message "original";
    has_interface = value "has_interface" = "1";
    only_parse = value "only_parse" = "1";
  }

(* "DIR\nOTHER": [other] comes before DIR, or takes its place. *)
let shadowed message =
  let pairs name =
    List.filter_map
      (fun text ->
        match String.index_opt text '\n' with
        | Some at -> Some (String.sub text 0 at, String.sub text (at + 1) (String.length text - at - 1))
        | None -> None)
      (Frames.values message name)
  in
  (pairs "before", pairs "instead")

let absolute directory path = if Filename.is_relative path then Filename.concat directory path else path

(* Directories are kept in reverse. *)
let lay_over message =
  let before, instead = shadowed message in
  let here = Sys.getcwd () in
  let stand_in = Frames.value message "directory" in
  if before <> [] || instead <> [] || stand_in <> "" then
    Check.load_path
      (List.concat_map (fun dir ->
           let kept = Option.value (List.assoc_opt dir instead) ~default:dir in
           let kept = if stand_in = "" then kept else absolute here kept in
           match List.assoc_opt dir before with Some other -> [ kept; other ] | None -> [ kept ]));
  if stand_in <> "" then Sys.chdir stand_in

(* The new interface under the base's digest: what was compiled against the base's still fits, so that only modules that
   use what changed need be checked again. The order of checks, not the digest, is what keeps this sound. *)
let keep_digest ~base path =
  let made = Cmi_format.read_cmi path in
  match List.assoc_opt made.cmi_name (Cmi_format.read_cmi base).cmi_crcs with
  | None -> ()
  | Some digest ->
      let channel = open_out_bin path in
      Fun.protect ~finally:(fun () -> close_out channel) @@ fun () ->
      output_string channel Config.cmi_magic_number;
      output_value channel (made.cmi_name, made.cmi_sign);
      output_value channel ((made.cmi_name, digest) :: List.remove_assoc made.cmi_name made.cmi_crcs);
      output_value channel made.cmi_flags

let changed message (signature, alerts) =
  let base = Frames.value message "base_cmi" in
  let same =
    base <> ""
    && match Interface.same (Check.environment ()) ~alerts signature (Cmi_format.read_cmi base) with
       | same -> same
       | exception (Out_of_memory | Stack_overflow) -> false
       | exception _ -> false
  in
  if not same then (
    let path = Frames.value message "out_cmi" in
    (* Saving enters the new interface beside the base's, which may be loaded. *)
    Env.reset_cache ();
    Compat.save_cmi ~alerts signature ~unit:(Frames.value message "unit") path;
    if base <> "" then keep_digest ~base path);
  not same

let answer message =
  lay_over message;
  let verdict = Check.run (job_of message) in
  let status, reason =
    match verdict.status with `Green -> ("green", "") | `Red -> ("red", "") | `Unsure reason -> ("unsure", reason)
  in
  let changed = match verdict.interface with Some made -> changed message made | None -> false in
  let times = Unix.times () in
  [
    ("id", Frames.value message "id");
    ("status", status);
    ("reason", reason);
    ("parsed", if verdict.parsed then "1" else "0");
    ("output", verdict.output);
    ("names", String.concat " " verdict.names);
    ("changed", if changed then "1" else "0");
    ("cpu_ms", Printf.sprintf "%.3f" ((times.tms_utime +. times.tms_stime) *. 1000.));
  ]

let unsure id reason = [ ("id", id); ("status", "unsure"); ("reason", reason) ]

type child = { id : string; pid : int; pipe : Unix.file_descr; received : Buffer.t }

let in_child message pipe =
  let seconds = try float_of_string (Frames.value message "timeout_s") with Failure _ -> 60. in
  (* The signal's default action ends the process wherever it is. *)
  ignore (Unix.setitimer Unix.ITIMER_REAL { it_interval = 0.; it_value = Float.max 0.001 seconds });
  (* Marking would copy every page shared with the server; a check ends before its garbage matters. *)
  Gc.set { (Gc.get ()) with space_overhead = 1_000_000 };
  let reply = try answer message with error -> unsure (Frames.value message "id") (Printexc.to_string error) in
  (try Frames.write pipe reply with Unix.Unix_error _ -> ());
  Unix._exit 0

let start message =
  let id = Frames.value message "id" in
  let ours, theirs = Unix.pipe ~cloexec:true () in
  match Unix.fork () with
  | 0 -> in_child message theirs
  | pid ->
      Unix.close theirs;
      Ok { id; pid; pipe = ours; received = Buffer.create 1024 }
  | exception Unix.Unix_error (error, _, _) ->
      Unix.close ours;
      Unix.close theirs;
      Error (unsure id ("can't fork: " ^ Unix.error_message error))

let rec wait pid = try snd (Unix.waitpid [] pid) with Unix.Unix_error (Unix.EINTR, _, _) -> wait pid

let finish child =
  Unix.close child.pipe;
  let status = wait child.pid in
  let received = Buffer.contents child.received in
  let size = String.length received in
  let reply = if size > 4 then Frames.of_payload (String.sub received 4 (size - 4)) else None in
  match (status, reply) with
  | Unix.WEXITED 0, Some reply when Frames.value reply "id" = child.id -> reply
  | Unix.WSIGNALED signal, _ when signal = Sys.sigalrm -> unsure child.id "time is over"
  | _ -> unsure child.id "the checking process died"

(* Each module of the base is green; where one is not, what it left here can't be trusted. What each names is told too, a
   line a module. *)
let warm message =
  let verdicts =
    List.map
      (fun text -> Option.map (fun job -> Check.run (job_of job)) (Frames.of_payload text))
      (Frames.values message "job")
  in
  let green = function Some verdict -> verdict.Check.status = `Green | None -> false in
  let names = function Some verdict -> String.concat " " verdict.Check.names | None -> "" in
  let status = if List.for_all green verdicts then "green" else "unsure" in
  let told = String.concat "\n" (List.map names verdicts) in
  Frames.write Unix.stdout [ ("id", Frames.value message "id"); ("status", status); ("names", told) ]

(* Every page that is written after a fork is copied first. So no room is left in the heap: what a fork keeps goes to new
   pages. And the minor heap, all of which a fork writes to, is small, at 512 KiB no larger than a core's cache. *)
let settle message =
  let usual = Gc.get () in
  Gc.set { usual with minor_heap_size = 65_536; space_overhead = 5 };
  Gc.compact ();
  Gc.set { (Gc.get ()) with space_overhead = usual.space_overhead };
  Frames.write Unix.stdout [ ("id", Frames.value message "id"); ("status", "green") ]

(* One for all reads: so large a block each time would have the collector go through the heap. *)
let chunk = Bytes.create 65536

let rec serve children =
  let pipes = List.map (fun child -> child.pipe) children in
  let ready, _, _ =
    try Unix.select (Unix.stdin :: pipes) [] [] (-1.) with Unix.Unix_error (Unix.EINTR, _, _) -> ([], [], [])
  in
  let going =
    List.filter
      (fun child ->
        (not (List.mem child.pipe ready))
        ||
        match Unix.read child.pipe chunk 0 (Bytes.length chunk) with
        | 0 ->
            Frames.write Unix.stdout (finish child);
            false
        | got ->
            Buffer.add_subbytes child.received chunk 0 got;
            true)
      children
  in
  if not (List.mem Unix.stdin ready) then serve going
  else
    match Frames.read Unix.stdin with
    | None -> ()
    | Some message when Frames.value message "what" = "warm" ->
        warm message;
        serve going
    | Some message when Frames.value message "what" = "settle" ->
        settle message;
        serve going
    | Some message -> (
        match start message with
        | Ok child -> serve (child :: going)
        | Error reply ->
            Frames.write Unix.stdout reply;
            serve going)

let () =
  match Array.to_list Sys.argv with
  | _ :: "serve" :: options ->
      Sys.set_signal Sys.sigpipe Sys.Signal_ignore;
      Check.set_up options;
      serve []
  | [ _; "imports" ] -> print_imports ()
  | [ _; "version" ] -> print_endline Config.version
  | _ ->
      prerr_endline "usage: checker version | imports | serve OPTIONS";
      exit 2
