std = "luajit"
read_globals = { "vim" }
globals = { "vim.g", "vim.b", "vim.bo", "vim.o", "vim.lsp" }
max_line_length = 120
exclude_files = { "lua/aid/protocol.lua" }
