type unit_kind = Impl | Intf

type job = {
  kind : unit_kind;
  unit : string;
  source : string;
  prefix : string;
  text : string option;
  original : string option;
  has_interface : bool;
  only_parse : bool;
}

type verdict = {
  status : [ `Green | `Red | `Unsure of string ];
  parsed : bool;
  output : string;
  names : string list;
  interface : (Types.signature * Misc.alerts) option;
}

module Options = Main_args.Make_bytecomp_options (Main_args.Default.Main)

let initial = ref Env.empty
let environment () = !initial

let load_path change =
  Compat.map_include_dirs change;
  Compmisc.init_path ();
  initial := Compmisc.initial_env ()

let set_up options =
  Clflags.add_arguments __LOC__ Options.list;
  Compenv.parse_arguments (ref (Array.of_list ("ocamlc" :: options))) Compenv.anonymous "ocamlc";
  Clflags.dont_write_files := true;
  Clflags.binary_annotations := false;
  Clflags.annotations := false;
  Clflags.color := Some Misc.Color.Never;
  load_path Fun.id

let read_file path =
  let channel = open_in_bin path in
  Fun.protect
    ~finally:(fun () -> close_in channel)
    (fun () -> really_input_string channel (in_channel_length channel))

(* As Pparse does, but from memory. *)
let parse ~magic ~invariants parser job =
  let text = match job.text with Some text -> text | None -> read_file job.source in
  Location.input_name := job.source;
  let shown = Lexing.from_string (Option.value job.original ~default:text) in
  Location.input_lexbuf := Some shown;
  let size = String.length magic in
  if String.length text > size && String.sub text 0 size = magic then (
    Location.input_name := (Marshal.from_string text size : string);
    let tree = Marshal.from_string text (size + Marshal.total_size (Bytes.unsafe_of_string text) size) in
    invariants tree;
    tree)
  else (
    Location.init shown job.source;
    parser shown)

(* As ocamldep finds them: without -no-alias-deps, which would leave out what an alias alone names. *)
let free_names add tree =
  let transparent = !Clflags.transparent_modules in
  Clflags.transparent_modules := false;
  Fun.protect ~finally:(fun () -> Clflags.transparent_modules := transparent) @@ fun () ->
  Depend.free_structure_names := Misc.Stdlib.String.Set.empty;
  add Misc.Stdlib.String.Map.empty tree;
  Misc.Stdlib.String.Set.elements !Depend.free_structure_names

(* ocamlc looks for a file beside the source; dune too names one that is always there (-intf-suffix .ml). *)
let set_interface job =
  let beside suffix = Sys.file_exists (Filename.remove_extension job.source ^ suffix) in
  let suffixes = if job.has_interface then [ ".ml"; ".mli"; Filename.extension job.source ] else [ ".no-interface" ] in
  match List.find_opt (fun suffix -> beside suffix = job.has_interface) suffixes with
  | Some suffix -> Config.interface_suffix := suffix
  | None -> failwith "no file beside the source stands for its interface"

let implementation info job tree =
  set_interface job;
  let typed = Compile_common.typecheck_impl info tree in
  Compat.translate info typed;
  Compat.warn_unused_attributes ();
  Warnings.check_fatal ();
  if job.has_interface then None else Some (typed.Typedtree.signature, Compat.alerts_of_str tree)

let interface info tree = Some (Compat.interface info tree)

type progress = { mutable tree_made : bool; mutable found : string list }

let compile job progress =
  let info = Compat.make_info ~source:job.source ~prefix:job.prefix ~unit:job.unit !initial in
  let after_parsing add tree check =
    progress.tree_made <- true;
    progress.found <- free_names add tree;
    if job.only_parse then None else check tree
  in
  Compat.set_unit info;
  match job.kind with
  | Impl ->
      let tree =
        parse ~magic:Config.ast_impl_magic_number ~invariants:Ast_invariants.structure Parse.implementation job
      in
      after_parsing Depend.add_implementation tree (implementation info job)
  | Intf ->
      let tree =
        parse ~magic:Config.ast_intf_magic_number ~invariants:Ast_invariants.signature Parse.interface job
      in
      after_parsing Depend.add_signature tree (interface info)

(* What says more of this process than of the module: a file missing or changed, a lack of memory, a bug. *)
let status_of_exception formatter error =
  match error with
  | Out_of_memory -> `Unsure "out of memory"
  | Stack_overflow -> `Unsure "stack overflow"
  | Sys_error said | Failure said | Invalid_argument said -> `Unsure said
  | Cmi_format.Error _ | Persistent_env.Error _ -> `Unsure "the base's interfaces don't fit together"
  | error -> (
      match Location.report_exception formatter error with
      | () -> `Red
      | exception other -> `Unsure (Printexc.to_string other))

let run job =
  let output = Buffer.create 512 in
  let formatter = Format.formatter_of_buffer output in
  let state = Warnings.backup () in
  let progress = { tree_made = false; found = [] } in
  Location.formatter_for_warnings := formatter;
  Warnings.reset_fatal ();
  let status, interface =
    match compile job progress with
    | made -> (`Green, made)
    | exception error -> (status_of_exception formatter error, None)
  in
  Warnings.restore state;
  Format.pp_print_flush formatter ();
  { status; parsed = progress.tree_made; output = Buffer.contents output; names = progress.found; interface }
