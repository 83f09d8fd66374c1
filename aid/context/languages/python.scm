(function_definition name: (identifier) @name body: (_) @body) @function
(class_definition name: (identifier) @name body: (_) @body) @class
(decorated_definition definition: (function_definition name: (identifier) @name body: (_) @body)) @function
(decorated_definition definition: (class_definition name: (identifier) @name body: (_) @body)) @class
(module (expression_statement (assignment left: (identifier) @name) @value))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @member)))
(type_alias_statement left: (type (identifier) @name)) @type
