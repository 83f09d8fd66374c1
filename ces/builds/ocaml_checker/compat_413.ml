(* OCaml 4.13: units are named by strings. *)

let make_info ~source ~prefix ~unit env =
  {
    Compile_common.source_file = source;
    module_name = unit;
    output_prefix = prefix;
    env;
    ppf_dump = Format.err_formatter;
    tool_name = "ocamlc";
    native = false;
  }

let set_unit (info : Compile_common.info) = Env.set_unit_name info.module_name
let map_include_dirs change = Clflags.include_dirs := change !Clflags.include_dirs

(* Up to where ocamlc can still find errors: what comes after only writes instructions. *)
let translate info (typed : Typedtree.implementation) =
  let program = Translmod.transl_implementation info.Compile_common.module_name (typed.structure, typed.coercion) in
  ignore (Simplif.simplify_lambda program.Lambda.code)

(* Each pass warns of its own. *)
let warn_unused_attributes () = ()

let included env one other =
  match Includemod.signatures env ~mark:Includemod.Mark_neither one other with
  | _ -> true
  | exception Includemod.Error _ -> false

let save_cmi ~alerts signature ~unit file =
  ignore (Env.save_signature_with_imports ~alerts signature unit file [] : Cmi_format.cmi_infos)

let alerts_of_str = Builtin_attributes.alerts_of_str

let interface info tree =
  let typed = Compile_common.typecheck_intf info tree in
  (typed.Typedtree.sig_type, Builtin_attributes.alerts_of_sig tree)

let cmo_imports (unit : Cmo_format.compilation_unit) = unit.cu_imports
