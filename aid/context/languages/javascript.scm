(function_declaration name: (identifier) @name body: (_) @body) @function
(generator_function_declaration name: (identifier) @name body: (_) @body) @function
(class_declaration name: (_) @name body: (_) @body) @class
(method_definition name: (property_identifier) @name body: (_) @body) @method
(class_body (_ property: (property_identifier) @name value: (arrow_function body: (_) @body)) @method)
(program [
  (lexical_declaration (variable_declarator
    name: (identifier) @name value: (arrow_function body: (_) @body)) @function)
  (lexical_declaration (variable_declarator name: (identifier) @name) @value)
  (variable_declaration (variable_declarator name: (identifier) @name) @value)])
(export_statement [
  (lexical_declaration (variable_declarator
    name: (identifier) @name value: (arrow_function body: (_) @body)) @function)
  (lexical_declaration (variable_declarator name: (identifier) @name) @value)])
