-- The daemon as an LSP client, one a project: documents, diagnostics and code actions are Neovim's own business.
local api, protocol = vim.api, require("aid.protocol")
local M = {}

local UNREACHED = "the daemon can't be reached: see :checkhealth aid"

local asking = {} ---@type table<string, { root: string, update: fun(it: aid.UpdateParams), cancel: fun() }> by token
local builds = {} ---@type table<string, aid.BuildChangedParams> by root

function M.settings() return vim.tbl_extend("force", protocol.settings, vim.g.aid or {}) end
function M.say(text, level) vim.notify("aid: " .. text, vim.log.levels[level or "INFO"]) end

--- One line for as long as nothing else is said, kept in |:messages| only where the setting `log_level` says so.
function M.progress(text)
  local kept = vim.list_contains({ "info", "debug" }, M.settings().log_level)
  api.nvim_echo({ { vim.fn.strcharpart("aid: " .. text, 0, vim.o.columns - 15), "Comment" } }, kept, {})
end

--- The project's root where AID serves the buffer.
local function served(buffer)
  local client = vim.lsp.get_clients({ name = "aid", bufnr = buffer })[1]
  return vim.b[buffer].aid_root or client and client.root_dir
end

--- Whether a name in a directory is the sign of a project, by the daemon's own rule.
local function is_sign(name, directory)
  local above_home = vim.startswith(vim.uv.os_homedir() .. "/", directory .. "/")
  return vim.list_contains(protocol.owned, name) or not above_home and vim.list_contains(protocol.project, name)
end

--- The project's directory, and whether there is a sign of a project.
function M.root(buffer)
  local name = api.nvim_buf_get_name(buffer)
  local start = vim.bo[buffer].buftype == "" and name ~= "" and vim.fs.dirname(name) or assert(vim.uv.cwd())
  local found = served(buffer) or vim.fs.root(start, is_sign)
  return vim.uv.fs_realpath(found or start) or start, found ~= nil
end

--- Neovim leaves out an edit of an older text without a word of it; here none is made and the daemon is told.
local function apply_edit(failure, params, context)
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local document = change.textDocument
    local version = document and document.version
    if version and version ~= vim.NIL and version ~= vim.lsp.util.buf_versions[vim.uri_to_bufnr(document.uri)] then
      return { applied = false, failureReason = vim.fs.basename(document.uri) .. " was edited meanwhile: accept again" }
    end
  end
  params.label = nil -- it would be said beside what we say
  return vim.lsp.handlers["workspace/applyEdit"](failure, params, context)
end

local function asked_in(root)
  return vim.tbl_filter(function(each) return each.root == root end, asking)
end

--- Cancel what is being asked in a project.
function M.stop(root)
  if #asked_in(root) == 0 then M.say("nothing is being asked") end
  vim.iter(asked_in(root)):each(function(each) each.cancel() end)
end

local function start(root, buffer, attach)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.workspace.workspaceEdit.documentChanges = true
  local handlers = { ["workspace/applyEdit"] = apply_edit }
  handlers["window/showMessage"] = function(_, told) -- Neovim's own asks for <Enter> after it
    M.say((told.message:gsub("^AID: ", "")), ({ "ERROR", "WARN" })[told.type])
  end
  handlers[protocol.notifications.update] = function(_, told)
    if asking[told.token] then asking[told.token].update(told) end
  end
  handlers[protocol.notifications.buildChanged] = function(_, build)
    builds[build.workspace] = build
    vim.cmd.redrawstatus({ bang = true })
  end
  local function ended(code)
    vim.iter(asked_in(root)):each(function(each) each.cancel() end)
    if code ~= 0 and vim.v.exiting == vim.NIL then M.say(UNREACHED, "ERROR") end
  end
  return vim.lsp.start({
    name = "aid",
    cmd = M.settings().command,
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = root } },
    init_options = { build_changed = true },
    flags = { debounce_text_changes = 0 }, -- a prompt must not overtake the text it is about
    capabilities = capabilities,
    handlers = handlers,
    on_exit = vim.schedule_wrap(ended),
  }, { bufnr = buffer, attach = attach })
end

--- Have the buffer's text, errors and code actions in the daemon's care, if it is in a project.
function M.attach(buffer)
  local root, marked = M.root(buffer)
  local can = M.settings().enable and vim.fn.executable(M.settings().command[1]) == 1
  if can and marked and not served(buffer) then start(root, buffer) end
end

---@return vim.lsp.Client?
function M.running(root)
  return vim.iter(vim.lsp.get_clients({ name = "aid" })):find(function(client) return client.root_dir == root end)
end

--- The project's client, started if need be, or nil and why there is none.
local function running_or_started(root)
  local client, settings = M.running(root), M.settings()
  if client or not settings.enable then return client, "it is switched off: vim.g.aid.enable is false" end
  if vim.fn.executable(settings.command[1]) == 0 then
    return nil, ("there is no program %q: install AID, or name it in vim.g.aid.command"):format(settings.command[1])
  end
  local scratch = api.nvim_create_buf(false, true) -- 0.10 starts none without a buffer
  local id = start(root, scratch, false)
  api.nvim_buf_delete(scratch, { force = true })
  return id and vim.lsp.get_client_by_id(id), UNREACHED
end

--- Send a request of ours. `done` gets the result, or why there is none; the person was told that too.
---@param done fun(result: table?, failure: string?)
---@return fun() cancel
function M.request(root, method, params, done)
  local over = false
  local function finish(failure, result)
    if over then return end
    over = true
    if failure and failure.message ~= "cancelled" then M.say(failure.message, "ERROR") end
    done(not failure and result or nil, failure and failure.message)
  end
  local sent, id
  local client, why = running_or_started(root)
  if client then sent, id = client.rpc.request(method, params, finish) end -- the same in 0.10 and 0.11
  if not sent then finish({ message = client and UNREACHED or why }) end
  return function()
    if sent and not over then client.rpc.notify("$/cancelRequest", { id = id }) end
    finish({ message = "cancelled" }) -- Neovim drops the answer to a request that was cancelled
  end
end

--- Ask for a change. `update` hears what happens meanwhile.
---@param update fun(update: aid.UpdateParams)
---@param done fun(result: aid.PromptResult?, failure: string?)
function M.prompt(root, params, update, done)
  local token = ("nvim-%d-%d"):format(vim.uv.os_getpid(), vim.uv.hrtime())
  asking[token] = { root = root, update = update, cancel = function() end }
  params = vim.tbl_extend("force", params, { workspace = root, token = token })
  local cancel = M.request(root, protocol.requests.prompt, params, function(result, failure)
    asking[token] = nil
    vim.cmd.redrawstatus({ bang = true })
    done(result, failure)
  end)
  if asking[token] then asking[token].cancel = cancel end
  return cancel
end

function M.statusline(buffer)
  local root = served(buffer)
  local said = { (builds[root] or {}).badge }
  if #asked_in(root) > 0 then said[#said + 1] = ("asking (%d)"):format(#asked_in(root)) end
  return #said > 0 and "AID: " .. table.concat(said, ", ") or ""
end

return M
