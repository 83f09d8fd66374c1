-- Neovim with nothing but its own LSP client: `nvim --clean -l plain_neovim.lua` in a workspace whose build is red in
-- lib/price.ml. It mends that by a code action, asks for an edit, takes what is red all the same, and prints what it
-- saw as one JSON object.
vim.g.loaded_python3_provider = 0

local seen = { progress = {}, messages = {} }

vim.api.nvim_create_autocmd("LspProgress", {
  callback = function(event)
    table.insert(seen.progress, event.data.params.value.kind)
  end,
})
vim.lsp.handlers["window/showMessage"] = function(_, params)
  table.insert(seen.messages, params.message)
end

local function wait(what, ready)
  assert(vim.wait(120000, ready, 10), "waited in vain for " .. what .. ": " .. vim.json.encode(seen))
end

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n") .. "\n"
end

local function act(title)
  local before = vim.api.nvim_buf_get_changedtick(0)
  local titles = {}
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      table.insert(titles, action.title)
      return vim.startswith(action.title, title)
    end,
  })
  wait(title, function()
    return vim.api.nvim_buf_get_changedtick(0) ~= before
  end)
  return titles
end

vim.cmd.edit("lib/price.ml")
local client = assert(vim.lsp.get_client_by_id(vim.lsp.start({
  name = "aid",
  cmd = { "aid", "connect" },
  root_dir = vim.fn.getcwd(),
})))

wait("diagnostics", function()
  return #vim.diagnostic.get(0) > 0
end)
local found = vim.diagnostic.get(0)[1]
seen.diagnostic = { line = found.lnum + 1, message = found.message }
vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
seen.actions = act("AID: fix this error")
seen.fixed = text()
seen.on_disk_before_saving = table.concat(vim.fn.readfile("lib/price.ml"), "\n") .. "\n"
vim.cmd.undo()
seen.undone_in_one_step = text()
vim.cmd.redo()
vim.cmd.write()
wait("a green build", function()
  return #vim.diagnostic.get(0) == 0
end)

local answered = false
client:exec_cmd({
  title = "",
  command = "aid.edit",
  arguments = { { uri = vim.uri_from_bufnr(0), prompt = "make it three times" } },
}, { bufnr = 0 }, function(error, result)
  seen.verdict = error and error.message or result.proposal.badge
  answered = true
end)
wait("the answer", function()
  return answered
end)
seen.offered = act("AID: apply ")
seen.taken = text()

answered = false
client:exec_cmd({ title = "", command = "aid.undo" }, { bufnr = 0 }, function(error)
  seen.undo = error and error.message or "undone"
  answered = true
end)
wait("undo", function()
  return answered
end)
client:stop()
wait("the client's end", function()
  return client:is_stopped()
end)
io.write(vim.json.encode(seen))
