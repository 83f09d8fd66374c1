; OCaml implementations. Captures: @name, @body, and the definition itself under its kind.
(value_definition
  (let_binding pattern: [(value_name) (parenthesized_operator)] @name (parameter) body: (_) @body) @function)
(value_definition
  (let_binding
    pattern: (value_name) @name . body: [(fun_expression) (function_expression)] @body) @function)
(value_definition (let_binding pattern: (value_name) @name) @value)
(external (value_name) @name) @function
(value_specification (value_name) @name) @function
(type_definition (type_binding name: [
  (type_constructor) @name
  (type_constructor_path (type_constructor) @name)]) @type)
(type_binding body: (variant_declaration (constructor_declaration (constructor_name) @name) @member))
(type_binding body: (record_declaration (field_declaration (field_name) @name) @member))
(exception_definition (constructor_declaration (constructor_name) @name)) @exception
(module_definition (module_binding (module_name) @name body: (_) @body) @module)
(module_type_definition (module_type_name) @name body: (_)? @body) @interface
(class_definition (class_binding (class_name) @name body: (_) @body) @class)
(method_definition (method_name) @name body: (_) @body) @method
