(function_item name: (identifier) @name body: (_) @body) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @type
(struct_item body: (field_declaration_list (field_declaration name: (field_identifier) @name) @member))
(enum_item name: (type_identifier) @name) @type
(enum_item body: (enum_variant_list (enum_variant name: (identifier) @name) @member))
(union_item name: (type_identifier) @name) @type
(type_item name: (type_identifier) @name) @type
(trait_item name: (type_identifier) @name body: (_) @body) @interface
(impl_item type: [
  (type_identifier) @name
  (generic_type type: (type_identifier) @name)] body: (_) @body) @impl
(mod_item name: (identifier) @name body: (_) @body) @module
(const_item name: (identifier) @name) @value
(static_item name: (identifier) @name) @value
(macro_definition name: (identifier) @name) @macro
