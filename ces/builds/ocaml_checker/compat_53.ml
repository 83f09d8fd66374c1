(* OCaml 5.3: units are named by [Unit_info.t]. *)

let make_info ~source ~prefix ~unit:_ env =
  let kind = if Filename.check_suffix source "i" then Unit_info.Intf else Unit_info.Impl in
  {
    Compile_common.target = Unit_info.make ~check_modname:false ~source_file:source kind prefix;
    env;
    ppf_dump = Format.err_formatter;
    tool_name = "ocamlc";
    native = false;
  }

let set_unit (info : Compile_common.info) = Env.set_current_unit info.target

let map_include_dirs change =
  Clflags.include_dirs := change !Clflags.include_dirs;
  Clflags.hidden_include_dirs := change !Clflags.hidden_include_dirs

(* Up to where ocamlc can still find errors: what comes after only writes instructions. *)
let translate info (typed : Typedtree.implementation) =
  let program = Translmod.transl_implementation (Unit_info.modname info.Compile_common.target) (typed.structure, typed.coercion) in
  ignore (Simplif.simplify_lambda program.Lambda.code)

(* Those that no pass has taken note of; it forgets them. *)
let warn_unused_attributes = Builtin_attributes.warn_unused

let included env one other =
  match Includemod.signatures env ~mark:false one other with
  | _ -> true
  | exception Includemod.Error _ -> false

let save_cmi ~alerts signature ~unit:_ file =
  ignore
    (Env.save_signature_with_imports ~alerts signature (Unit_info.Artifact.from_filename file) []
      : Cmi_format.cmi_infos)

let alerts_of_str ast = Builtin_attributes.alerts_of_str ~mark:false ast

let interface info tree =
  let alerts, typed = Compile_common.typecheck_intf info tree in
  (typed.Typedtree.sig_type, alerts)

let cmo_imports (unit : Cmo_format.compilation_unit) = unit.cu_imports
