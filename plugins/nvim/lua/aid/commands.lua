-- What the commands do, and what each may be followed by.
local client = require("aid.client")
local protocol = require("aid.protocol")

local M = {}

---@type table<string, fun(given: table)> what |nvim_create_user_command()| gives
M.run = {}

--- The current file for a prompt, with lines where they are meant; nil for a buffer without one.
---@return aid.FileRef?
local function file_ref(first, last)
  local name = vim.api.nvim_buf_get_name(0)
  local path = vim.uv.fs_realpath(name) or name
  local root = client.root(0) .. "/"
  path = vim.startswith(path, root) and path:sub(#root + 1) or path
  return vim.bo.buftype == "" and name ~= "" and { path = path, first = first, last = last } or nil
end

--- Where the person is, nil if not in Normal mode: a window that pops up takes the keys meant for what was there.
local function standing()
  local window = vim.api.nvim_get_current_win()
  return vim.fn.mode() == "n"
    and vim.inspect({ window, vim.api.nvim_win_get_cursor(window), vim.b.changedtick, vim.fn.bufnr() })
end

--- Ask, say what happens meanwhile, show the proposal. `accept`: take it if it is green.
local function ask(params, accept)
  local root, stood, text = client.root(0), standing(), ""
  client.prompt(root, params, function(update)
    text = update.kind == "restart" and "" or (text .. (update.kind == "text" and update.text or ""))
    local line = update.line or ""
    client.progress(line ~= "" and line or text:match("([^\n]+)\n*$") or "")
  end, function(result)
    local proposal = result and result.proposal
    if not result then
      return
    elseif not proposal then
      client.say(result.reason or "nothing was proposed", "WARN")
    elseif accept and proposal.verdict.status == "green" then
      require("aid.proposal").accept("all", proposal.id)
    elseif standing() == stood then
      client.progress(proposal.badge or "")
      require("aid.proposal").show(root, proposal)
    else
      client.say((proposal.badge or "it is there") .. ": :AidDiff shows the proposal")
    end
  end)
end

function M.run.Aid(given)
  local edit = given.range > 0 and file_ref(given.line1, given.line2) or nil
  ask({ prompt = given.args, edit = edit, files = not edit and { file_ref() } or nil }, given.bang)
end

function M.run.AidFix(given)
  local row = vim.api.nvim_win_get_cursor(0)[1]
  local first, last = row, row
  if given.range > 0 then
    first, last = given.line1, given.line2
  end
  local there = vim.tbl_filter(function(each)
    return each.lnum + 1 >= first and each.lnum + 1 <= last and each.severity == vim.diagnostic.severity.ERROR
  end, vim.diagnostic.get(0))
  local pointed = given.range > 0 or #there > 0
  local file = file_ref(pointed and first or nil, pointed and last or nil)
  if not file then
    return client.say("this buffer is no file of a project: ask with :Aid", "ERROR")
  end
  local attachments = vim.tbl_map(function(each)
    return { title = ("%s at line %d"):format(each.source or "error", each.lnum + 1), text = each.message }
  end, there)
  ask({ fix = file, prompt = given.args, attachments = attachments }, given.bang)
end

function M.run.AidChat(given)
  local file = given.range > 0 and file_ref(given.line1, given.line2)
  local lines = given.range > 0 and not file and vim.api.nvim_buf_get_lines(0, given.line1 - 1, given.line2, false)
  require("aid.chat").open(given.args, file or nil, lines or nil)
end

function M.run.AidDiff(given)
  require("aid.proposal").open(given.args)
end

function M.run.AidAccept(given)
  require("aid.proposal").accept(given.args ~= "" and given.args or "all")
end

function M.run.AidReject(given)
  require("aid.proposal").reject(given.args)
end

function M.run.AidUndo(given)
  local root = client.root(0)
  local params = { workspace = root, id = given.args ~= "" and given.args or nil, through_editor = true }
  client.request(root, protocol.requests.undo, params, function(outcome)
    return outcome and require("aid.proposal").tell(outcome, "taken back in")
  end)
end

function M.run.AidModel(given)
  local params, method = { workspace = client.root(0) }, protocol.requests.models
  if given.args ~= "" then
    params.model, method = given.args, protocol.requests.setModel
  end
  client.request(params.workspace, method, params, function(result)
    for _, model in ipairs(result and result.models or {}) do
      if given.args == "" or model.default then
        local detail = (model.detail or "") ~= "" and ": " .. model.detail or ""
        client.say(("%s%s (%s)%s"):format(model.default and "* " or "  ", model.name, model.backend, detail))
      end
    end
  end)
end

function M.run.AidStatus()
  local build = client.statusline(0):gsub("^AID: ", "")
  client.request(client.root(0), protocol.requests.status, vim.empty_dict(), function(status)
    if status then
      local daemon = ("daemon %s, process %d, %d running"):format(status.version, status.pid, status.requests_running)
      client.say((build ~= "" and build .. "; " or "") .. daemon)
    end
  end)
end

function M.run.AidStop()
  if not client.stop(client.root(0)) then
    client.say("nothing is being asked")
  end
end

local WORDS = { AidAccept = { "all", "file", "hunk" }, AidDiff = { "split" } }
local NAMES = {
  AidChat = { protocol.requests.chats, "chats", "chat" },
  AidDiff = { protocol.requests.proposals, "proposals", "id" },
  AidModel = { protocol.requests.models, "models", "name" },
  AidUndo = { protocol.requests.log, "entries", "id" },
}

--- Asks the daemon for names only where it is connected, and waits for no more than a second.
---@param name string
---@param lead string
---@return string[]
function M.complete(name, lead)
  local found, root = vim.deepcopy(WORDS[name] or {}), client.root(0)
  if name == "Aid" or name == "AidFix" then
    return vim.fn.getcompletion(lead, "file")
  elseif NAMES[name] and client.client(root) then
    local method, list, field = unpack(NAMES[name])
    local answered = false
    client.request(root, method, { workspace = root }, function(result)
      answered = true
      for _, each in ipairs(result and result[list] or {}) do
        found[#found + 1] = each.state ~= "undone" and each[field] or nil
      end
    end)
    vim.wait(1000, function()
      return answered
    end, 5)
  end
  return vim.tbl_filter(function(each)
    return vim.startswith(each, lead)
  end, found)
end

return M
