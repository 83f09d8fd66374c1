-- A project's chat: a Markdown buffer like any other. What stands below the last rule is the next prompt.
local client = require("aid.client")
local proposals = require("aid.proposal")
local requests = require("aid.protocol").requests

local M = {}

local LINE = "---"
local RULE, ANSWER = 1, 2 -- extmarks: the rule, where the answer begins
local HINT = "<CR> sends what stands below"
local space = vim.api.nvim_create_namespace("aid.chat")

---@class aid.Chat
---@field root string
---@field name string
---@field step? integer the undo step that we made last
---@field cancel? fun()

---@type table<integer, aid.Chat> by buffer
local chats = {}

--- Change the buffer in an undo step of our own, so that a person's undo takes back what the person did.
local function change(buffer, work)
  vim.api.nvim_buf_call(buffer, function()
    if vim.fn.undotree().seq_cur == chats[buffer].step then
      pcall(vim.cmd.undojoin) -- refused right after an undo
    else
      vim.bo.undolevels = vim.bo.undolevels -- ends the person's: |undo-break|
    end
    work()
    vim.bo.undolevels = vim.bo.undolevels
    chats[buffer].step = vim.fn.undotree().seq_cur
  end)
end

--- The row, from 0, of the rule that the next prompt stands below, with something said beside it.
---@param beside? string
---@return integer
local function rule(buffer, beside)
  local row = (vim.api.nvim_buf_get_extmark_by_id(buffer, space, RULE, {}) or {})[1]
  if not row or vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] ~= LINE then
    vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { "", LINE, "" }) -- it was taken away
    row = vim.api.nvim_buf_line_count(buffer) - 2
    beside = beside or HINT
  end
  if beside then
    local shown = { id = RULE, virt_text = { { beside, "Comment" } } }
    vim.api.nvim_buf_set_extmark(buffer, space, row, 0, shown)
  end
  return row
end

--- Put what was asked above the rule, and an empty line for the answer.
local function put_question(buffer, prompt, attached)
  local lines = vim.split("\n## " .. prompt .. "\n", "\n")
  for _, each in ipairs(attached or {}) do
    table.insert(lines, #lines, "- `" .. each .. "`")
  end
  local row = rule(buffer)
  vim.api.nvim_buf_set_lines(buffer, row, row, false, vim.list_extend(lines, { "" }))
  vim.api.nvim_buf_set_extmark(buffer, space, rule(buffer) - 1, 0, { id = ANSWER, right_gravity = false })
end

--- Put the answer where it has been streaming in.
---@param text string
---@param proposal? aid.Proposal
---@param aside? string what is said of it
local function put_answer(buffer, text, proposal, aside)
  local from = vim.api.nvim_buf_get_extmark_by_id(buffer, space, ANSWER, {})[1]
  text = vim.trim(text)
  local lines = vim.split(text ~= "" and text .. "\n" or "", "\n")
  vim.list_extend(lines, aside and { "_" .. aside .. "_", "" } or {})
  vim.api.nvim_buf_set_lines(buffer, math.min(from, rule(buffer)), rule(buffer), false, lines)
  if proposal then
    local row = rule(buffer)
    vim.api.nvim_buf_set_lines(buffer, row, row, false, { "" })
    proposals.draw(buffer, row, row, proposal, true)
  end
end

--- What is sent: words, and the files named in lines like "- `lib/price.ml:3-5`".
---@return string prompt, aid.FileRef[] files, string[] attached
local function written(buffer)
  local words, files, attached = {}, {}, {}
  for _, line in ipairs(vim.api.nvim_buf_get_lines(buffer, rule(buffer) + 1, -1, false)) do
    local named = line:match("^%- `([^`]+)`$")
    if named then
      local path, first, last = named:match("^(.-):(%d+)%-?(%d*)$")
      files[#files + 1] = { path = path or named, first = tonumber(first), last = tonumber(last) or tonumber(first) }
      attached[#attached + 1] = named
    else
      words[#words + 1] = line
    end
  end
  return vim.trim(table.concat(words, "\n")), files, attached
end

--- Send what stands below the rule.
function M.send()
  local buffer = vim.api.nvim_get_current_buf()
  local chat, prompt, files, attached = chats[buffer], written(buffer)
  if chat.cancel or prompt == "" then
    return client.say(chat.cancel and "an answer is coming: :AidStop cancels it" or "write something below the line")
  end
  vim.api.nvim_buf_set_lines(buffer, rule(buffer) + 1, -1, false, { "" })
  put_question(buffer, prompt, attached)
  local function update(told)
    local row = rule(buffer, told.line ~= "" and told.line or nil) - 1
    if told.kind == "restart" then
      change(buffer, function()
        put_answer(buffer, "")
      end)
    elseif told.kind == "text" then
      change(buffer, function()
        local column = #vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1]
        vim.api.nvim_buf_set_text(buffer, row, column, row, column, vim.split(told.text or "", "\n"))
      end)
    end
  end
  local params = { prompt = prompt, chat = chat.name, files = files }
  chat.cancel = client.prompt(chat.root, params, update, function(result, failure)
    chat.cancel = nil
    if chats[buffer] then
      change(buffer, function()
        result = result or { reason = failure }
        put_answer(buffer, result.prose or result.text or "", result.proposal, result.reason)
      end)
      rule(buffer, HINT)
    end
  end)
end

--- Put what was said before above the rule; that is nothing to undo.
local function put_turns(buffer, turns, open)
  vim.bo[buffer].undolevels = -1
  for _, turn in ipairs(turns) do
    put_question(buffer, turn.prompt, turn.attached)
    local aside = turn.proposal and not open[turn.proposal] and ("`:AidDiff %s`"):format(turn.proposal) or turn.reason
    put_answer(buffer, turn.prose or turn.text or "", open[turn.proposal], aside)
  end
  vim.bo[buffer].undolevels = -123456 -- the global value
end

local function create(chat)
  local buffer = vim.api.nvim_create_buf(true, true)
  chats[buffer] = chat
  vim.api.nvim_buf_set_name(buffer, ("aid-chat://%s/%s.md"):format(chat.root, chat.name))
  vim.b[buffer].aid_root = chat.root
  vim.bo[buffer].filetype = "markdown"
  vim.bo[buffer].swapfile = false
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { LINE, "" })
  vim.api.nvim_buf_set_extmark(buffer, space, 0, 0, { id = RULE })
  rule(buffer, HINT)
  vim.keymap.set("n", "<CR>", M.send, { buffer = buffer, desc = "AID: send" })
  vim.keymap.set({ "n", "i" }, "<C-s>", M.send, { buffer = buffer, desc = "AID: send" })
  vim.keymap.set("n", "<C-c>", "<Cmd>AidStop<CR>", { buffer = buffer, desc = "AID: cancel" })
  vim.api.nvim_create_autocmd("BufUnload", {
    buffer = buffer,
    callback = function()
      chats[buffer] = nil
      return chat.cancel and chat.cancel()
    end,
  })
  local params = { workspace = chat.root, chat = chat.name }
  client.request(chat.root, requests.proposals, params, function(found)
    local open = {}
    for _, proposal in ipairs(found and found.proposals or {}) do
      open[proposal.id] = proposal
    end
    client.request(chat.root, requests.chat, params, function(result)
      put_turns(buffer, result and result.turns or {}, open)
    end)
  end)
  return buffer
end

--- Open a chat; with lines of a file, or with a text, added to what is being written.
---@param name string
---@param file? aid.FileRef
---@param text? string[]
function M.open(name, file, text)
  local chat = { root = client.root(0), name = name ~= "" and name or "nvim" }
  local buffer
  for each, known in pairs(chats) do
    buffer = known.root == chat.root and known.name == chat.name and each or buffer
  end
  buffer = buffer or create(chat)
  local window = vim.fn.bufwinid(buffer)
  if window < 0 then
    vim.cmd("botright vsplit")
    window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(window, buffer)
  end
  vim.api.nvim_set_current_win(window)
  local added = file and { ("- `%s:%d-%d`"):format(file.path, file.first, file.last) }
    or text and vim.list_extend(vim.list_extend({ "```" }, text), { "```" })
  if added then
    local row = rule(buffer) + 1
    vim.api.nvim_buf_set_lines(buffer, row, row, false, added)
  end
  vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(buffer), 0 })
end

return M
