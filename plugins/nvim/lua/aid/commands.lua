-- What the commands do; `usage` says what they are.
local client = require("aid.client")
local protocol = require("aid.protocol")

local M = {}

---@type table<integer, fun()> what is being asked, by number
local running = {}
local asked = 0

--- The file of a buffer for a prompt, with lines where they are meant; nil for a buffer without one.
local function file_ref(first, last)
  local name = vim.api.nvim_buf_get_name(0)
  return vim.bo.buftype == "" and name ~= "" and { path = name, first = first, last = last } or nil
end

--- Ask, say what happens meanwhile, show the proposal. `accept`: take it if it is green.
---@param params table
---@param accept boolean
function M.ask(params, accept)
  local root = client.root(0)
  asked = asked + 1
  local number = asked
  local function update(told)
    if told.line and told.line ~= "" then
      client.say(told.line, "debug")
    end
    vim.cmd.redrawstatus()
  end
  running[number] = client.prompt(root, params, update, function(result)
    running[number] = nil
    vim.cmd.redrawstatus({ bang = true })
    if not result then
      return
    elseif not result.proposal then
      client.say(result.reason or "nothing was proposed", "warning")
    else
      local proposal = require("aid.proposal")
      proposal.show(root, result.proposal)
      if accept and result.proposal.verdict.status == "green" then
        proposal.accept("all")
      end
    end
  end)
end

local run = {}

function run.Aid(given)
  if given.range > 0 then
    M.ask({ prompt = given.args, edit = file_ref(given.line1, given.line2) }, given.bang)
  else
    local file = file_ref()
    M.ask({ prompt = given.args, files = file and { file } or nil }, given.bang)
  end
end

function run.AidFix(given)
  local ranged = given.range > 0
  local row = vim.api.nvim_win_get_cursor(0)[1]
  local there = #vim.diagnostic.get(0, { lnum = row - 1 }) > 0
  local first, last = given.line1, given.line2
  if not ranged then
    first, last = there and row or nil, there and row or nil
  end
  local file = file_ref(first, last)
  if not file then
    return client.say("this buffer is no file of a project: ask with :Aid", "error")
  end
  M.ask({ fix = file }, given.bang)
end

function run.AidChat(given)
  require("aid.chat").open(given.args)
end

function run.AidDiff(given)
  require("aid.proposal").newest(given.args == "split")
end

function run.AidAccept(given)
  require("aid.proposal").accept(given.args ~= "" and given.args or nil)
end

function run.AidReject()
  require("aid.proposal").reject()
end

function run.AidUndo(given)
  local root = client.root(0)
  local params = { workspace = root, id = given.args ~= "" and given.args or nil, through_editor = true }
  client.request(root, protocol.requests.undo, params, function(outcome)
    if outcome then
      require("aid.proposal").tell(outcome, "taken back in")
    end
  end)
end

function run.AidModel(given)
  local root = client.root(0)
  local method, params = protocol.requests.models, { workspace = root }
  if given.args ~= "" then
    method, params = protocol.requests.setModel, { workspace = root, model = given.args }
  end
  client.request(root, method, params, function(result)
    local lines = vim.tbl_map(function(model)
      local detail = model.detail and model.detail ~= "" and ": " .. model.detail or ""
      return (model.default and "* " or "  ") .. model.name .. " (" .. model.backend .. ")" .. detail
    end, result and result.models or {})
    if #lines > 0 then
      client.say("models\n" .. table.concat(lines, "\n"))
    end
  end)
end

function run.AidStatus()
  local root = client.root(0)
  client.request(root, protocol.requests.status, vim.empty_dict(), function(status)
    if status then
      local daemon = ("daemon %s, process %d, %d requests running"):format(status.version, status.pid, status.requests_running)
      client.say((client.statusline(0):gsub("^AID: ", "") .. "\n"):gsub("^\n", "") .. daemon)
    end
  end)
end

function run.AidStop()
  if vim.tbl_isempty(running) then
    client.say("nothing is being asked")
  end
  for _, cancel in pairs(running) do
    cancel()
  end
end

---@param name string
---@param given table what |nvim_create_user_command()| gives
function M.run(name, given)
  run[name](given)
end

--- What a command may be followed by. Asks the daemon for names only where one is connected, and waits for no more
--- than a moment.
function M.complete(name, lead)
  local found = {}
  if name == "AidAccept" then
    found = { "all", "file", "hunk" }
  elseif name == "AidDiff" then
    found = { "split" }
  elseif name == "Aid" then
    return vim.fn.getcompletion(lead, "file")
  else
    found = M.names(name)
  end
  return vim.tbl_filter(function(each)
    return vim.startswith(each, lead)
  end, found)
end

--- Names the daemon knows: models, chats, what can be undone.
function M.names(name)
  local root = client.root(0)
  local asks = {
    AidModel = { protocol.requests.models, "models", "name" },
    AidChat = { protocol.requests.chats, "chats", "chat" },
    AidUndo = { protocol.requests.log, "entries", "id" },
  }
  local connected = vim.iter(vim.lsp.get_clients({ name = "aid" })):any(function(each)
    return each.root_dir == root
  end)
  local names, answered = {}, false
  if asks[name] and connected then
    local method, list, field = unpack(asks[name])
    client.request(root, method, { workspace = root }, function(result)
      for _, each in ipairs(result and result[list] or {}) do
        names[#names + 1] = each[field]
      end
      answered = true
    end)
    vim.wait(1000, function()
      return answered
    end, 5)
  end
  return names
end

return M
