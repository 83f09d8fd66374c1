; OCaml interfaces.
(value_specification [(value_name) (parenthesized_operator)] @name) @function
(external (value_name) @name) @function
(type_definition (type_binding name: [
  (type_constructor) @name
  (type_constructor_path (type_constructor) @name)]) @type)
(type_binding body: (variant_declaration (constructor_declaration (constructor_name) @name) @member))
(type_binding body: (record_declaration (field_declaration (field_name) @name) @member))
(exception_definition (constructor_declaration (constructor_name) @name)) @exception
(module_definition (module_binding (module_name) @name module_type: (signature) @body) @module)
(module_definition (module_binding (module_name) @name) @module)
(module_type_definition (module_type_name) @name body: (_)? @body) @interface
(class_definition (class_binding (class_name) @name) @class)
