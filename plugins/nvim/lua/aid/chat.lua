-- A project's chat: a Markdown buffer like any other. What stands below the rule is the next prompt.
local api, client, proposals = vim.api, require("aid.client"), require("aid.proposal")
local requests, change = require("aid.protocol").requests, proposals.change
local M = {}

local LINE, HINT = "---", "<CR> sends what stands below"
local RULE, ANSWER = 1, 2 -- extmarks: the rule, and where the answer begins
local space = api.nvim_create_namespace("aid.chat")

local chats = {} ---@type table<integer, { root: string, name: string, cancel?: fun() }> by buffer

--- The row, from 0, of the rule that the next prompt stands below; `beside` it is said what goes on.
local function rule(buffer, beside)
  local row = api.nvim_buf_get_extmark_by_id(buffer, space, RULE, {})[1]
  if not row or api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] ~= LINE then
    api.nvim_buf_set_lines(buffer, -1, -1, false, { "", LINE, "" }) -- the person took it away
    row, beside = api.nvim_buf_line_count(buffer) - 2, beside or HINT
  end
  local shown = { id = RULE, virt_text = { { beside or "", "Comment" } } }
  if beside then api.nvim_buf_set_extmark(buffer, space, row, 0, shown) end
  return row
end

--- What was asked, above the rule, and an empty line for the answer before the one that a rule needs above it.
local function put_question(buffer, prompt, attached)
  local named = vim.tbl_map(function(each) return "- `" .. each .. "`" end, attached or {})
  local lines = vim.iter({ "", vim.split("## " .. prompt, "\n"), named, "", "", "" }):flatten():totable()
  api.nvim_buf_set_lines(buffer, rule(buffer), rule(buffer), false, lines)
  api.nvim_buf_set_extmark(buffer, space, rule(buffer) - 2, 0, { id = ANSWER, right_gravity = false })
end

--- The answer where it has been streaming in, and what is said of it.
local function put_answer(buffer, text, proposal, aside)
  local from = math.min(api.nvim_buf_get_extmark_by_id(buffer, space, ANSWER, {})[1], rule(buffer))
  local lines = text == "" and aside and {} or vim.split(vim.trim(text) .. "\n", "\n")
  vim.list_extend(lines, aside and { "_" .. aside .. "_", "" } or {})
  api.nvim_buf_set_lines(buffer, from, rule(buffer), false, lines)
  if proposal then
    local row = rule(buffer)
    api.nvim_buf_set_lines(buffer, row, row, false, { "" })
    proposals.draw(buffer, row, row, proposal)
  end
end

--- What is sent: words, and the files named in lines like "- `lib/price.ml:3-5`".
local function written(buffer)
  local words, files, attached = {}, {}, {}
  for _, line in ipairs(api.nvim_buf_get_lines(buffer, rule(buffer) + 1, -1, false)) do
    local named = line:match("^%- `([^`]+)`$")
    local path, first, last = (named or ""):match("^(.-):(%d+)%-?(%d*)$")
    first, last = tonumber(first), tonumber(last) or tonumber(first)
    table.insert(named and attached or words, named or line)
    if named then table.insert(files, { path = path or named, first = first, last = last }) end
  end
  return vim.trim(table.concat(words, "\n")), files, attached
end

--- Send what stands below the rule.
function M.send()
  local buffer = api.nvim_get_current_buf()
  local chat, prompt, files, attached = chats[buffer], written(buffer)
  if chat.cancel then return client.say("an answer is coming: :AidStop cancels it") end
  if prompt == "" then return client.say("write something below the line") end
  api.nvim_buf_set_lines(buffer, rule(buffer) + 1, -1, false, { "" })
  put_question(buffer, prompt, attached)
  local function update(told)
    local row = rule(buffer, told.line ~= "" and told.line or nil) - 2
    if told.kind == "restart" then change(buffer, function() put_answer(buffer, "") end) end
    if told.kind ~= "text" then return end
    change(buffer, function()
      local column = #api.nvim_buf_get_lines(buffer, row, row + 1, false)[1]
      api.nvim_buf_set_text(buffer, row, column, row, column, vim.split(told.text or "", "\n"))
    end)
  end
  local params = { prompt = prompt, chat = chat.name, files = files }
  chat.cancel = client.prompt(chat.root, params, update, function(result, failure)
    chat.cancel = nil
    if chats[buffer] ~= chat then return end
    result = result or { reason = failure }
    change(buffer, function() put_answer(buffer, result.prose or "", result.proposal, result.reason) end)
    rule(buffer, HINT)
  end)
end

--- What was said before, above the rule; that is nothing to undo.
local function put_turns(buffer, turns, open)
  vim.bo[buffer].undolevels = -1
  for _, turn in ipairs(turns) do
    put_question(buffer, turn.prompt, turn.attached)
    local aside = turn.proposal and not open[turn.proposal] and ("`:AidDiff %s`"):format(turn.proposal) or turn.reason
    put_answer(buffer, turn.prose or "", open[turn.proposal], aside)
  end
  vim.bo[buffer].undolevels = -123456 -- the global value
end

--- Make a chat of its empty buffer: the keys, the rule, and above that what was said before. Also for |:edit|.
local function fill(event)
  local buffer, chat = event.buf, chats[event.buf]
  if not chat then return end -- a name that someone typed
  vim.bo[buffer].buftype, vim.bo[buffer].swapfile, vim.bo[buffer].filetype = "nofile", false, "markdown"
  vim.b[buffer].aid_root, vim.bo[buffer].buflisted = chat.root, true
  api.nvim_buf_set_lines(buffer, 0, -1, false, { LINE, "" })
  api.nvim_buf_set_extmark(buffer, space, 0, 0, { id = RULE, virt_text = { { HINT, "Comment" } } })
  vim.keymap.set("n", "<CR>", M.send, { buffer = buffer, desc = "AID: send" })
  vim.keymap.set({ "n", "i" }, "<C-s>", M.send, { buffer = buffer, desc = "AID: send" })
  vim.keymap.set("n", "<C-c>", "<Cmd>AidStop<CR>", { buffer = buffer, desc = "AID: cancel" })
  local params = { workspace = chat.root, chat = chat.name }
  client.request(chat.root, requests.proposals, params, function(found)
    local open = {}
    vim.iter(found and found.proposals or {}):each(function(each) open[each.id] = each end)
    client.request(chat.root, requests.chat, params, function(result)
      if chats[buffer] == chat then put_turns(buffer, result and result.turns or {}, open) end
    end)
  end)
end

local function unload(event)
  local chat = chats[event.buf] or {}
  chats[event.buf] = chat.root and { root = chat.root, name = chat.name }
  if chat.cancel then chat.cancel() end
end

api.nvim_create_autocmd("BufReadCmd", { pattern = "aid-chat://*", callback = fill })
api.nvim_create_autocmd("BufUnload", { pattern = "aid-chat://*", callback = unload })

--- Open a chat, with lines of a file or a text (a list of lines) added to what is being written.
function M.open(name, file, text)
  local root, chat = client.root(0), name ~= "" and name or "nvim"
  local buffer = vim.fn.bufadd(("aid-chat://%s/%s.md"):format(root, chat))
  chats[buffer] = chats[buffer] or { root = root, name = chat }
  vim.fn.bufload(buffer)
  if vim.fn.bufwinid(buffer) < 0 then vim.cmd("botright vertical sbuffer " .. buffer) end
  api.nvim_set_current_win(vim.fn.bufwinid(buffer))
  local added = file and { ("- `%s:%d-%d`"):format(file.path, file.first, file.last) }
    or text and vim.iter({ "```", text, "```" }):flatten():totable()
  api.nvim_buf_set_lines(buffer, rule(buffer) + 1, rule(buffer) + 1, false, added or {})
  api.nvim_win_set_cursor(0, { api.nvim_buf_line_count(buffer), 0 })
end

return M
