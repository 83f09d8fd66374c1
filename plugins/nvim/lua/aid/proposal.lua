-- A proposal drawn: in a floating preview, in the chat, or as a file beside what would become of it.
local client = require("aid.client")
local requests = require("aid.protocol").requests

local M = {}

local COLOURS = { ["+"] = "DiffAdd", ["-"] = "DiffDelete", ["@"] = "Special", ["`"] = "Title" }
local KEYS = {
  a = "AidAccept hunk",
  f = "AidAccept file",
  A = "AidAccept all",
  R = "AidReject",
  s = "AidDiff split",
  q = "quit",
  ["<CR>"] = "lua require('aid.proposal').visit()",
  ["]h"] = "lua require('aid.proposal').jump(1)",
  ["[h"] = "lua require('aid.proposal').jump(-1)",
}
local marks = vim.api.nvim_create_namespace("aid")
local colours = vim.api.nvim_create_namespace("aid.colours")

---@class aid.Place which part of a proposal is drawn somewhere
---@field id string the proposal's
---@field path? string nil: all files
---@field index? integer the hunk, nil: all of the file
---@field line? integer in the file

---@type table<integer, table<integer, aid.Place>> by buffer and extmark
local places = {}
---@type { id: string, root: string, buffer: integer }?
local preview

--- The hunks that are not in the file yet, and at which line of it as it is now each begins.
---@param file aid.ProposedFile
---@return { first: integer, hunk: aid.ProposedHunk }[]
local function pending(file)
  local found, shift = {}, 0
  for _, hunk in ipairs(file.hunks or {}) do
    if hunk.accepted then
      shift = shift + hunk.new_lines - hunk.old_lines
    else
      found[#found + 1] = { first = hunk.old_first + shift + (hunk.old_lines == 0 and 1 or 0), hunk = hunk }
    end
  end
  return found
end

local function split_lines(text) return vim.split((text:gsub("\n$", "")), "\n") end

--- Draw a proposal over the lines `first` to `last` of a buffer, as Markdown or plain. Hunks are extmarks, so that they
--- are found where they end up.
---@param proposal aid.Proposal
function M.draw(buffer, first, last, proposal, markdown)
  local lines = { proposal.badge or "" }
  local parts = { { 1, { id = proposal.id } } }
  for _, file in ipairs(proposal.files) do
    local left = pending(file)
    local state = #left < #(file.hunks or {}) and (#left == 0 and " accepted" or " partly accepted")
      or file.status ~= "modified" and " " .. file.status
    lines[#lines + 1] = ""
    lines[#lines + 1] = ("`%s` +%d -%d%s"):format(file.path, file.added or 0, file.removed or 0, state or "")
    parts[#parts + 1] = { #lines, { id = proposal.id, path = file.path, line = 1 } }
    vim.list_extend(lines, markdown and #left > 0 and { "```diff" } or {})
    for _, each in ipairs(left) do
      lines[#lines + 1] = each.hunk.header
      local place = { id = proposal.id, path = file.path, index = each.hunk.index, line = math.max(1, each.first) }
      parts[#parts + 1] = { #lines, place }
      vim.list_extend(lines, split_lines(each.hunk.text))
    end
    vim.list_extend(lines, markdown and #left > 0 and { "```" } or {})
  end
  vim.api.nvim_buf_set_lines(buffer, first, last, false, lines)
  vim.api.nvim_buf_clear_namespace(buffer, -1, first, first + #lines)
  places[buffer] = places[buffer] or {}
  for number, part in ipairs(parts) do
    local below = parts[number + 1] and parts[number + 1][1] - 1 or #lines
    local mark = vim.api.nvim_buf_set_extmark(buffer, marks, first + part[1] - 1, 0, { end_row = first + below - 1 })
    places[buffer][mark] = part[2]
  end
  for row, line in ipairs(lines) do
    local colour = row > 1 and line ~= "```diff" and line ~= "```" and COLOURS[line:sub(1, 1)]
    if colour then vim.api.nvim_buf_set_extmark(buffer, colours, first + row - 1, 0, { line_hl_group = colour }) end
  end
end

--- What is drawn at the cursor.
---@return aid.Place?
local function here()
  local buffer, row = vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1] - 1
  local mark = vim.api.nvim_buf_get_extmarks(buffer, marks, { row, 0 }, 0, { limit = 1, details = true })[1]
  return mark and row <= mark[4].end_row and places[buffer] and places[buffer][mark[1]] or nil
end

--- What would change at the cursor, in a file of the project.
---@param proposal aid.Proposal
---@return aid.Place?
local function in_file(root, proposal)
  local name, row = vim.uv.fs_realpath(vim.api.nvim_buf_get_name(0)), vim.api.nvim_win_get_cursor(0)[1]
  for _, file in ipairs(proposal.files) do
    if name == root .. "/" .. file.path then
      for _, each in ipairs(pending(file)) do
        if row >= each.first and row < each.first + math.max(1, each.hunk.old_lines) then
          return { id = proposal.id, path = file.path, index = each.hunk.index }
        end
      end
      return { id = proposal.id, path = file.path }
    end
  end
end

--- To the next hunk, or the one before.
function M.jump(step)
  local buffer, row = vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1] - 1
  local from, to = { row + 1, 0 }, -1
  if step < 0 then from, to = { math.max(row - 1, 0), 0 }, 0 end
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buffer, marks, from, to, {})) do
    if places[buffer][mark[1]].index and mark[2] ~= row then
      return vim.api.nvim_win_set_cursor(0, { mark[2] + 1, 0 })
    end
  end
end

local function shown(id)
  return preview and vim.api.nvim_buf_is_valid(preview.buffer) and (not id or preview.id == id)
end

local function close()
  for _, window in ipairs(shown() and vim.fn.win_findbuf(preview.buffer) or {}) do
    vim.api.nvim_win_close(window, true)
  end
end

--- Go to the change that the cursor is on, in the window that the preview stands over.
function M.visit()
  local place, root = here(), client.root(0)
  if place and place.path then
    close()
    vim.cmd.edit(vim.fn.fnameescape(root .. "/" .. place.path))
    vim.api.nvim_win_set_cursor(0, { math.min(place.line, vim.api.nvim_buf_line_count(0)), 0 })
  end
end

local function redraw(proposal)
  vim.bo[preview.buffer].modifiable = true
  M.draw(preview.buffer, 0, -1, proposal)
  vim.bo[preview.buffer].modifiable = false
end

---@param root string
---@param proposal aid.Proposal
function M.show(root, proposal)
  close()
  local buffer = vim.api.nvim_create_buf(false, true)
  preview = { id = proposal.id, root = root, buffer = buffer }
  vim.b[buffer].aid_root = root
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].filetype = "aid-proposal"
  redraw(proposal)
  local width = math.max(20, math.min(100, vim.o.columns - 4))
  local height = math.max(3, math.min(vim.api.nvim_buf_line_count(buffer), vim.o.lines - 6))
  vim.api.nvim_open_win(buffer, true, {
    relative = "editor",
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    width = width,
    height = height,
    style = "minimal",
    border = "rounded",
    title = (" %s "):format((proposal.summary or "") ~= "" and proposal.summary or proposal.id),
    footer = " accept: a hunk, f file, A all · R reject · s side by side · q close ",
  })
  for key, command in pairs(KEYS) do
    vim.keymap.set("n", key, "<Cmd>" .. command .. "<CR>", { buffer = buffer, nowait = true, desc = command })
  end
  M.jump(1)
end

--- Do something with the proposal `id`, else the one under the cursor, the preview's, or the newest open one.
---@param id? string
---@param work fun(root: string, proposal: aid.Proposal, place?: aid.Place)
local function with_proposal(id, work)
  local root, place = client.root(0), here()
  id = id or place and place.id or shown() and preview.root == root and preview.id or nil
  client.request(root, id and requests.proposal or requests.proposals, { id = id, workspace = root }, function(result)
    local found = id and result or result and (result.proposals or {})[1]
    if found then
      work(root, found, place or in_file(root, found))
    elseif result then
      client.say("there is no open proposal: ask with :Aid")
    end
  end)
end

---@param outcome aid.OutcomeResult
function M.tell(outcome, what)
  local refused = outcome.refused or {}
  for _, each in ipairs(refused) do
    client.say((each.path and each.path .. ": " or "") .. each.reason, "ERROR")
  end
  if #refused == 0 then
    local paths = vim.tbl_map(function(file) return file.path end, outcome.files or {})
    client.say(("%s %s"):format(what, table.concat(paths, ", ")))
  end
  for _, note in ipairs(outcome.notes or {}) do
    client.say(note)
  end
  vim.cmd.checktime()
end

--- The preview as things are now: drawn anew, or closed where nothing of it is left.
local function refresh(id)
  if shown(id) then
    client.request(preview.root, requests.proposal, { id = id }, function(proposal)
      if proposal and shown(id) then
        local act = (proposal.state or "open") == "open" or proposal.state == "partly"
        return act and redraw(proposal) or not act and close()
      end
    end)
  end
end

---@param part "hunk"|"file"|"all"
---@param id? string
function M.accept(part, id)
  with_proposal(id, function(root, proposal, place)
    local params = { id = proposal.id, through_editor = true }
    if part ~= "all" and not (place and place.path) then
      return client.say(("put the cursor on a %s of the proposal: :AidDiff shows it"):format(part), "ERROR")
    elseif part == "hunk" and place.index then
      params.hunks = { { path = place.path, index = place.index } }
    elseif part ~= "all" then
      params.files = { place.path }
    end
    client.request(root, requests.accept, params, function(outcome)
      if outcome then
        M.tell(outcome, "accepted")
        refresh(proposal.id)
      end
    end)
  end)
end

---@param reason string
function M.reject(reason)
  with_proposal(nil, function(root, proposal)
    client.request(root, requests.reject, { id = proposal.id, reason = reason }, function(outcome)
      if outcome then
        client.say("rejected")
        refresh(proposal.id)
      end
    end)
  end)
end

--- What becomes of a file's lines by the hunks that are not in it yet; nil where it was edited there.
---@param lines string[]
---@param file aid.ProposedFile
---@return string[]?
local function applied(lines, file)
  local result, at = {}, 1
  for _, each in ipairs(pending(file)) do
    vim.list_extend(result, lines, at, each.first - 1)
    at = each.first
    for _, line in ipairs(split_lines(each.hunk.text)) do
      local sign, text = line:sub(1, 1), line:sub(2)
      if (sign == " " or sign == "-") and lines[at] ~= text then return nil end
      at = at + ((sign == " " or sign == "-") and 1 or 0)
      result[#result + 1] = (sign == " " or sign == "+") and text or nil
    end
  end
  return vim.list_extend(result, lines, at, #lines)
end

--- Files beside what would become of them, each in a tab page.
---@param proposal aid.Proposal
---@param path? string only this one
local function side_by_side(root, proposal, path)
  close()
  for _, file in ipairs(proposal.files) do
    if not path or path == file.path then
      vim.cmd.tabedit(vim.fn.fnameescape(root .. "/" .. (file.old_path or file.path)))
      local filetype, lines = vim.bo.filetype, vim.api.nvim_buf_get_lines(0, 0, -1, false)
      local after = applied(file.status == "added" and {} or lines, file)
      if not after then
        client.say(file.path .. " was edited since: what is accepted is merged with that", "WARN")
      else
        vim.cmd("diffthis | rightbelow vnew")
        vim.api.nvim_buf_set_lines(0, 0, -1, false, after)
        vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype, vim.bo.modifiable = "nofile", "wipe", filetype, false
        vim.api.nvim_buf_set_name(0, ("aid://%s/%s"):format(proposal.id, file.path))
        vim.cmd("diffthis | wincmd p")
      end
    end
  end
end

---@param given string "split", an id, or "" for the newest open one
function M.open(given)
  local split = given == "split"
  with_proposal(not split and given ~= "" and given or nil, function(root, proposal, place)
    if split then
      side_by_side(root, proposal, place and place.path)
    else
      M.show(root, proposal)
    end
  end)
end

return M
