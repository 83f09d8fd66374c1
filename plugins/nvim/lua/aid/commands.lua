-- What the commands do, and what each may be followed by.
local client = require("aid.client")
local proposals = require("aid.proposal")
local requests = require("aid.protocol").requests
local M = {}

M.run = {} ---@type table<string, fun(given: table)>

--- The current file for a prompt, with lines where they are meant; nil for a buffer without one.
local function file_ref(first, last)
  local name, root = vim.api.nvim_buf_get_name(0), client.root(0) .. "/"
  local path = vim.startswith(name, root) and name:sub(#root + 1) or name
  return vim.bo.buftype == "" and name ~= "" and { path = path, first = first, last = last } or nil
end

--- Where the person is, false if not in Normal mode: a window that pops up takes the keys meant for what was there.
local function standing()
  local at = { vim.api.nvim_get_current_win(), vim.fn.bufnr(), vim.fn.getcurpos(), vim.b.changedtick }
  return vim.fn.mode() == "n" and vim.inspect(at)
end

--- Ask, say what happens meanwhile, show the proposal. `accept`: take it if it is green and nothing holds it.
local function ask(params, accept)
  local root, stood, text = client.root(0), standing(), ""
  local function update(told)
    text = told.kind == "restart" and "" or text .. (told.kind == "text" and told.text or "")
    client.progress((told.line or "") ~= "" and told.line or text:match("([^\n]+)\n*$") or "asking")
  end
  client.prompt(root, params, update, function(result)
    local proposal = result and result.proposal
    if result and not proposal then
      client.say(result.reason or "nothing was proposed", "WARN")
    elseif proposal and accept and proposal.verdict.status == "green" and (proposal.held or "") == "" then
      proposals.accept("all", proposal.id)
    elseif proposal and standing() == stood then
      proposals.show(root, proposal)
    elseif proposal then
      client.say((proposal.badge or "it is there") .. ": :AidDiff shows the proposal")
    end
  end)
end

function M.run.Aid(given)
  local edit = given.range > 0 and file_ref(given.line1, given.line2) or nil
  ask({ prompt = given.args, edit = edit, files = not edit and { file_ref() } or nil }, given.bang)
end

function M.run.AidFix(given)
  local ranged, row = given.range > 0, vim.fn.line(".")
  local first, last = ranged and given.line1 or row, ranged and given.line2 or row
  local attachments = {}
  for _, each in ipairs(vim.diagnostic.get(0, { severity = vim.diagnostic.severity.ERROR })) do
    local there = each.lnum + 1 >= first and each.lnum + 1 <= last
    if there then table.insert(attachments, { title = each.source or "an error", text = each.message }) end
  end
  local meant = ranged or #attachments > 0
  local file = file_ref(meant and first or nil, meant and last or nil)
  if not file then return client.say("this buffer is no file of a project: ask with :Aid", "ERROR") end
  ask({ fix = file, prompt = given.args, attachments = attachments }, given.bang)
end

function M.run.AidChat(given)
  local lines = given.range > 0 and vim.api.nvim_buf_get_lines(0, given.line1 - 1, given.line2, false) or nil
  require("aid.chat").open(given.args, lines and file_ref(given.line1, given.line2), lines)
end

function M.run.AidDiff(given) proposals.open(given.args) end
function M.run.AidAccept(given) proposals.accept(given.args ~= "" and given.args or "all") end
function M.run.AidReject(given) proposals.reject(given.args ~= "" and given.args or "all") end

function M.run.AidUndo(given)
  local id = given.args ~= "" and given.args or nil
  proposals.decide(client.root(0), requests.undo, { workspace = client.root(0), id = id, through_editor = true })
end

function M.run.AidModel(given)
  local params = { workspace = client.root(0), model = given.args ~= "" and given.args or nil }
  client.request(params.workspace, params.model and requests.setModel or requests.models, params, function(result)
    for _, model in ipairs(result and result.models or {}) do
      local line = ("%s%s (%s)"):format(model.default and "* " or "  ", model.name, model.backend)
      if model.default or not params.model then client.say(line) end
    end
  end)
end

function M.run.AidStatus()
  local build = client.statusline(0):gsub("^AID: (.*)", "%1; ")
  client.request(client.root(0), requests.status, vim.empty_dict(), function(status)
    if status then client.say(("%sdaemon %s, process %d"):format(build, status.version, status.pid)) end
  end)
end

function M.run.AidStop() client.stop(client.root(0)) end

local WORDS = { AidAccept = { "all", "file", "hunk" }, AidReject = { "all", "file", "hunk" }, AidDiff = { "split" } }
local NAMES = {
  AidChat = { requests.chats, "chats", "chat" },
  AidDiff = { requests.proposals, "proposals", "id" },
  AidModel = { requests.models, "models", "name" },
  AidUndo = { requests.log, "entries", "id" },
}

--- Asks the daemon for names only where it is connected, and waits for no more than a second.
function M.complete(name, lead)
  if name == "Aid" or name == "AidFix" then return vim.fn.getcompletion(lead, "file") end
  local found, root, answered = vim.deepcopy(WORDS[name] or {}), client.root(0), false
  if NAMES[name] and client.running(root) then
    local method, list, field = unpack(NAMES[name])
    client.request(root, method, { workspace = root }, function(result)
      answered = true
      for _, each in ipairs(result and result[list] or {}) do
        found[#found + 1] = each.state ~= "undone" and each[field] or nil
      end
    end)
    vim.wait(1000, function() return answered end, 5)
  end
  return vim.tbl_filter(function(each) return vim.startswith(each, lead) end, found)
end

return M
