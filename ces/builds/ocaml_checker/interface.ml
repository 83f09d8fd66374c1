open Types

(* Inclusion both ways compares types, but neither attributes (a deprecation is a warning in every dependent) nor what
   the compiler has worked out of a type's definition: those are compared as text. *)

let without_places =
  { Ast_mapper.default_mapper with location = (fun _ _ -> Location.none) }

let is_comment (attribute : Parsetree.attribute) =
  List.mem attribute.attr_name.txt [ "ocaml.doc"; "ocaml.text"; "doc"; "text" ]

let bytes value = Digest.to_hex (Digest.string (Marshal.to_string value [ Marshal.No_sharing ]))

let add_attributes into name attributes =
  List.iter
    (fun (attribute : Parsetree.attribute) ->
      if not (is_comment attribute) then
        let payload = without_places.payload without_places attribute.attr_payload in
        into := (name, attribute.attr_name.txt, bytes payload) :: !into)
    attributes

let add_constructor into name (constructor : constructor_declaration) =
  let name = name ^ "." ^ Ident.name constructor.cd_id in
  add_attributes into name constructor.cd_attributes;
  match constructor.cd_args with
  | Cstr_tuple _ -> ()
  | Cstr_record labels ->
      List.iter (fun label -> add_attributes into (name ^ "." ^ Ident.name label.ld_id) label.ld_attributes) labels

let add_type into name (declaration : type_declaration) =
  add_attributes into name declaration.type_attributes;
  let worked_out = (declaration.type_variance, declaration.type_immediate, declaration.type_separability) in
  into := (name, "type", bytes worked_out) :: !into;
  match declaration.type_kind with
  | Type_record (labels, _) ->
      List.iter (fun label -> add_attributes into (name ^ "." ^ Ident.name label.ld_id) label.ld_attributes) labels
  | Type_variant (constructors, _) -> List.iter (add_constructor into name) constructors
  | _ -> ()

let rec add_item into prefix item =
  let named ident = prefix ^ "." ^ Ident.name ident in
  match item with
  | Sig_value (ident, value, _) -> add_attributes into ("val " ^ named ident) value.val_attributes
  | Sig_type (ident, declaration, _, _) -> add_type into ("type " ^ named ident) declaration
  | Sig_typext (ident, extension, _, _) -> add_attributes into ("ext " ^ named ident) extension.ext_attributes
  | Sig_module (ident, _, declaration, _, _) ->
      add_attributes into ("module " ^ named ident) declaration.md_attributes;
      add_module_type into (named ident) declaration.md_type
  | Sig_modtype (ident, declaration, _) ->
      add_attributes into ("modtype " ^ named ident) declaration.mtd_attributes;
      Option.iter (add_module_type into (named ident ^ "!")) declaration.mtd_type
  | Sig_class (ident, declaration, _, _) ->
      add_attributes into ("class " ^ named ident) declaration.cty_attributes;
      into := (named ident, "class", bytes declaration.cty_variance) :: !into
  | Sig_class_type (ident, declaration, _, _) ->
      add_attributes into ("classtype " ^ named ident) declaration.clty_attributes;
      into := (named ident, "classtype", bytes declaration.clty_variance) :: !into

and add_module_type into prefix = function
  | Mty_signature items -> List.iter (add_item into prefix) items
  | Mty_functor (parameter, result) ->
      (match parameter with Named (_, argument) -> add_module_type into (prefix ^ "(") argument | Unit -> ());
      add_module_type into (prefix ^ ")") result
  | Mty_ident _ | Mty_alias _ -> ()

let noted items =
  let into = ref [] in
  List.iter (add_item into "") items;
  List.sort compare !into

let alerts_of (cmi : Cmi_format.cmi_infos) =
  List.find_map (function Cmi_format.Alerts alerts -> Some alerts | _ -> None) cmi.cmi_flags
  |> Option.value ~default:Misc.Stdlib.String.Map.empty

let same env ~alerts signature (cmi : Cmi_format.cmi_infos) =
  let base = Subst.signature Subst.Make_local Subst.identity cmi.cmi_sign in
  Misc.Stdlib.String.Map.equal String.equal alerts (alerts_of cmi)
  && noted signature = noted base
  && Compat.included env signature base
  && Compat.included env base signature
