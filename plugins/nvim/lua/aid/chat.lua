-- A project's chat: a Markdown buffer like any other. What stands below the last rule is the next prompt.
local client = require("aid.client")
local protocol = require("aid.protocol")

local M = {}

local RULE = "---"
local ANSWER, PROGRESS = 1, 2 -- extmarks: where the answer begins, what is being done
local HELP = "<!-- Write below the line; <CR> in Normal mode or <C-s> sends. -->"

---@class aid.Chat
---@field root string
---@field name string
---@field cancel? fun()

---@type table<integer, aid.Chat> by buffer
local chats = {}

--- Put lines at the end, above the rule and what is being written below it. The cursor and undo stay the person's.
local function append(buffer, lines)
  local at = M.last_rule(buffer)
  vim.api.nvim_buf_set_lines(buffer, at, at, false, lines)
end

--- Put text at the end of what was put there last.
local function stream(buffer, text)
  local row = M.last_rule(buffer) - 1
  local column = #vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1]
  vim.api.nvim_buf_set_text(buffer, row, column, row, column, vim.split(text, "\n"))
end

--- The row, from 0, of the rule that the next prompt stands below.
---@return integer
function M.last_rule(buffer)
  local lines = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
  for row = #lines, 1, -1 do
    if lines[row] == RULE then
      return row - 1
    end
  end
  vim.api.nvim_buf_set_lines(buffer, -1, -1, false, { "", RULE, "" })
  return vim.api.nvim_buf_line_count(buffer) - 2
end

local function said(turn)
  local lines = { "", "## " .. vim.split(turn.prompt, "\n")[1] }
  vim.list_extend(lines, vim.list_slice(vim.split(turn.prompt, "\n"), 2))
  for _, each in ipairs(turn.attached or {}) do
    lines[#lines + 1] = "- `" .. each .. "`"
  end
  lines[#lines + 1] = ""
  return lines
end

local function answered(result)
  local lines = vim.split(vim.trim(result.prose or result.text or ""), "\n")
  if result.proposal then
    vim.list_extend(lines, { "" })
    vim.list_extend(lines, (require("aid.proposal").lines(result.proposal)))
    vim.list_extend(lines, { "", ("`:AidAccept` `:AidDiff` `:AidReject` (%s)"):format(result.proposal.id) })
  elseif result.reason and result.reason ~= "" then
    vim.list_extend(lines, { "", "_" .. result.reason .. "_" })
  end
  return vim.list_extend(lines, { "" })
end

--- Send what stands below the rule.
function M.send()
  local buffer = vim.api.nvim_get_current_buf()
  local chat = chats[buffer]
  local rule = M.last_rule(buffer)
  local prompt = vim.trim(table.concat(vim.api.nvim_buf_get_lines(buffer, rule + 1, -1, false), "\n"))
  if not chat or prompt == "" or chat.cancel then
    return client.say(chat and chat.cancel and "an answer is coming: :AidStop cancels it" or "write something below the line")
  end
  vim.api.nvim_buf_set_lines(buffer, rule + 1, -1, false, { "" })
  append(buffer, vim.list_extend(said({ prompt = prompt }), { "" }))
  vim.api.nvim_buf_set_extmark(buffer, M.space, M.last_rule(buffer) - 1, 0, { id = ANSWER, right_gravity = false })
  local function update(told)
    if not vim.api.nvim_buf_is_loaded(buffer) then
      return chat.cancel and chat.cancel()
    elseif told.kind == "text" then
      stream(buffer, told.text or "")
    elseif told.line and told.line ~= "" then
      vim.api.nvim_buf_set_extmark(buffer, M.space, M.last_rule(buffer), 0, {
        id = PROGRESS,
        virt_text = { { told.line, "Comment" } },
      })
    end
  end
  chat.cancel = client.prompt(chat.root, { prompt = prompt, chat = chat.name }, update, function(result)
    chat.cancel = nil
    if vim.api.nvim_buf_is_loaded(buffer) then
      vim.api.nvim_buf_del_extmark(buffer, M.space, PROGRESS)
      local from = vim.api.nvim_buf_get_extmark_by_id(buffer, M.space, ANSWER, {})[1]
      vim.api.nvim_buf_set_lines(buffer, from, M.last_rule(buffer), false, result and answered(result) or { "_no answer_", "" })
    end
  end)
end

M.space = vim.api.nvim_create_namespace("aid.chat")

local function set_up(buffer, chat)
  chats[buffer] = chat
  vim.bo[buffer].filetype = "markdown"
  vim.bo[buffer].swapfile = false
  vim.keymap.set("n", "<CR>", M.send, { buffer = buffer, desc = "AID: send" })
  vim.keymap.set({ "n", "i" }, "<C-s>", M.send, { buffer = buffer, desc = "AID: send" })
  vim.keymap.set("n", "<C-c>", function()
    return chat.cancel and chat.cancel()
  end, { buffer = buffer, desc = "AID: cancel" })
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = buffer,
    callback = function()
      chats[buffer] = nil
      return chat.cancel and chat.cancel()
    end,
  })
end

---@param name string
function M.open(name)
  local root = client.root(0)
  name = name ~= "" and name or "nvim"
  for buffer, chat in pairs(chats) do
    if chat.root == root and chat.name == name then
      return vim.cmd.sbuffer(buffer)
    end
  end
  local buffer = vim.api.nvim_create_buf(true, true)
  vim.api.nvim_buf_set_name(buffer, ("aid-chat://%s/%s.md"):format(root, name))
  set_up(buffer, { root = root, name = name })
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { HELP, "", RULE, "" })
  vim.cmd("botright vsplit")
  vim.api.nvim_win_set_buf(0, buffer)
  vim.api.nvim_win_set_cursor(0, { 4, 0 })
  client.request(root, protocol.requests.chat, { workspace = root, chat = name }, function(result)
    for _, turn in ipairs(result and result.turns or {}) do
      append(buffer, vim.list_extend(said(turn), answered(turn)))
    end
  end)
end

return M
