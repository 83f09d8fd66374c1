; TypeScript and TSX.
(function_declaration name: (identifier) @name body: (_) @body) @function
(generator_function_declaration name: (identifier) @name body: (_) @body) @function
(function_signature name: (identifier) @name) @function
(class_declaration name: (_) @name body: (_) @body) @class
(abstract_class_declaration name: (_) @name body: (_) @body) @class
(method_definition name: (property_identifier) @name body: (_) @body) @method
(abstract_method_signature name: (property_identifier) @name) @method
(public_field_definition name: (property_identifier) @name value: (arrow_function body: (_) @body)) @method
(interface_declaration name: (type_identifier) @name) @type
(interface_body [
  (property_signature name: (property_identifier) @name) @member
  (method_signature name: (property_identifier) @name) @member])
(type_alias_declaration name: (type_identifier) @name) @type
(enum_declaration name: (identifier) @name) @type
(enum_body name: (property_identifier) @name @member)
(internal_module name: (identifier) @name body: (_) @body) @module
(program [
  (lexical_declaration (variable_declarator
    name: (identifier) @name value: (arrow_function body: (_) @body)) @function)
  (lexical_declaration (variable_declarator name: (identifier) @name) @value)
  (variable_declaration (variable_declarator name: (identifier) @name) @value)])
(export_statement [
  (lexical_declaration (variable_declarator
    name: (identifier) @name value: (arrow_function body: (_) @body)) @function)
  (lexical_declaration (variable_declarator name: (identifier) @name) @value)])
