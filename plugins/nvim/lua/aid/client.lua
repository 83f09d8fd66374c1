-- The daemon as an LSP client, one a project: documents, diagnostics and code actions are Neovim's own business.
local protocol = require("aid.protocol")

local M = {}

local NAME = "aid"
local LEVELS = { debug = "DEBUG", info = "INFO", warning = "WARN", error = "ERROR" }
local ROOTS = { { ".git", ".hg", "aid.toml" }, { "dune-project", "pyproject.toml", "Cargo.toml", "package.json", "Makefile" } }

---@type table<string, fun(update: aid.UpdateParams)>
local listening = {}
---@type table<string, aid.BuildChangedParams>
local builds = {}
local asked = 0

---@return aid.EditorSettings
function M.settings()
  return vim.tbl_extend("force", protocol.settings, vim.g.aid or {})
end

--- Say something at a level of |vim.log.levels|, unless the setting `log_level` is higher.
function M.say(text, level)
  level = level or "info"
  if vim.log.levels[LEVELS[level]] >= vim.log.levels[LEVELS[M.settings().log_level]] or level == "info" then
    vim.notify("aid: " .. text, vim.log.levels[LEVELS[level]])
  end
end

---@param buffer integer
---@return string
function M.root(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  local start = vim.bo[buffer].buftype == "" and name ~= "" and vim.fs.dirname(name) or assert(vim.uv.cwd())
  for _, markers in ipairs(ROOTS) do
    local found = vim.fs.root(start, markers)
    if found then
      return assert(vim.uv.fs_realpath(found))
    end
  end
  return vim.uv.fs_realpath(start) or start
end

--- Neovim leaves out an edit of an older text without a word of it; here none is made and the daemon is told.
local function apply_edit(failure, params, context)
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local document = change.textDocument
    local buffer = document and vim.uri_to_bufnr(document.uri)
    local version = document and vim.lsp.util.buf_versions[buffer]
    if version and document.version and document.version ~= vim.NIL and version ~= document.version then
      local name = vim.fn.fnamemodify(vim.uri_to_fname(document.uri), ":t")
      return { applied = false, failureReason = name .. " was edited meanwhile: accept again" }
    end
  end
  return vim.lsp.handlers["workspace/applyEdit"](failure, params, context)
end

local function start(root, buffer)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.workspace.workspaceEdit.documentChanges = true
  return vim.lsp.start({
    name = NAME,
    cmd = M.settings().command,
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
    init_options = { build_changed = true },
    flags = { debounce_text_changes = 0 }, -- a prompt must not overtake the text it is about
    capabilities = capabilities,
    handlers = {
      ["workspace/applyEdit"] = apply_edit,
      [protocol.notifications.update] = function(_, update)
        if listening[update.token] then
          listening[update.token](update)
        end
      end,
      [protocol.notifications.buildChanged] = function(_, build)
        builds[build.workspace] = build
        vim.cmd.redrawstatus({ bang = true })
      end,
    },
    on_exit = function(code)
      if code ~= 0 then
        vim.schedule(function()
          M.say("'" .. table.concat(M.settings().command, " ") .. "' ended: see :checkhealth aid", "error")
        end)
      end
    end,
  }, { bufnr = buffer })
end

--- Have the buffer's text, errors and code actions in the daemon's care, if it is in a project.
---@param buffer integer
function M.attach(buffer)
  local root = M.root(buffer)
  local known = vim.lsp.get_clients({ name = NAME, bufnr = buffer })[1]
  if not M.settings().enable or known or vim.fn.executable(M.settings().command[1]) == 0 then
    return
  end
  if vim.fs.root(root, ROOTS[1]) or vim.fs.root(root, ROOTS[2]) then
    start(root, buffer)
  end
end

--- The project's client, started if need be; nil, and the person knows why, where it can't be.
---@param root string
---@return vim.lsp.Client?
function M.client(root)
  for _, client in ipairs(vim.lsp.get_clients({ name = NAME })) do
    if client.root_dir == root then
      return client
    end
  end
  local command = M.settings().command[1]
  if vim.fn.executable(command) == 0 then
    return M.say(("there is no program %q: install AID, or name it in vim.g.aid.command"):format(command), "error")
  end
  local scratch = vim.api.nvim_create_buf(false, true)
  local id = start(root, scratch)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].buftype == "" and M.root(buffer) == root then
      M.attach(buffer)
    end
  end
  return id and vim.lsp.get_client_by_id(id)
end

--- Send a request of ours; `done` gets the result, or nothing after the person was told what went wrong.
---@param root string
---@param method string
---@param params table
---@param done fun(result: table?)
---@return fun()? cancel
function M.request(root, method, params, done)
  local client = M.client(root)
  if not client then
    return done(nil)
  end
  local new = vim.fn.has("nvim-0.11") == 1
  local function answered(failure, result)
    if failure and failure.code ~= vim.lsp.protocol.ErrorCodes.RequestCancelled and failure.code ~= -32800 then
      M.say(failure.message, "error")
    end
    done(not failure and result or nil)
  end
  local sent, id = (new and client.request or function(_, ...)
    return client.request(...)
  end)(client, method, params, answered)
  if not sent then
    M.say("the daemon can't be reached: see :checkhealth aid", "error")
    return done(nil)
  end
  return function()
    local _ = new and client:cancel_request(id) or client.cancel_request(id)
  end
end

--- Ask for a change. `update` hears what happens meanwhile.
---@param root string
---@param params table
---@param update fun(update: aid.UpdateParams)
---@param done fun(result: aid.PromptResult?)
---@return fun()? cancel
function M.prompt(root, params, update, done)
  asked = asked + 1
  local token = ("nvim-%d-%d"):format(vim.uv.os_getpid(), asked)
  listening[token] = update
  return M.request(root, protocol.requests.prompt, vim.tbl_extend("force", params, { workspace = root, token = token }), function(result)
    listening[token] = nil
    done(result)
  end)
end

---@param buffer integer
---@return string
function M.statusline(buffer)
  local build = builds[M.root(buffer)]
  local running = vim.tbl_count(listening)
  local said = { build and build.badge or nil, running > 0 and ("asking (%d)"):format(running) or nil }
  said = vim.tbl_values(said)
  return #said > 0 and "AID: " .. table.concat(said, ", ") or ""
end

return M
