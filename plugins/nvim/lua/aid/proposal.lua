-- A proposal drawn: in a floating preview, or as a file beside what would become of it. Hunks are extmarks.
local client = require("aid.client")
local protocol = require("aid.protocol")

local M = {}

local marks = vim.api.nvim_create_namespace("aid")

---@class aid.View
---@field root string
---@field proposal aid.Proposal
---@field buffer integer
---@field places table<integer, { path: string, index: integer, line: integer }> by extmark

---@type table<string, aid.View> by root
local views = {}

--- The lines of a proposal in Markdown, and what each hunk's first line is. Accepted hunks are left out.
---@param proposal aid.Proposal
---@return string[] lines, { [1]: integer, path: string, index: integer, line: integer }[] hunks
function M.lines(proposal)
  local lines, hunks = { proposal.badge or "" }, {}
  for _, file in ipairs(proposal.files) do
    local counts = ("%s +%d -%d"):format(file.path, file.added or 0, file.removed or 0)
    vim.list_extend(lines, { "", ("`%s` %s"):format(counts, file.status), "", "```diff" })
    if not file.hunks or #file.hunks == 0 then
      hunks[#hunks + 1] = { #lines - 3, path = file.path, index = -1, line = 1 }
    end
    for _, hunk in ipairs(file.hunks or {}) do
      if not hunk.accepted then
        lines[#lines + 1] = hunk.header
        hunks[#hunks + 1] = { #lines - 1, path = file.path, index = hunk.index, line = math.max(1, hunk.new_first) }
        vim.list_extend(lines, vim.split(hunk.text:gsub("\n$", ""), "\n"))
      end
    end
    lines[#lines + 1] = "```"
  end
  return lines, hunks
end

--- Write `view` anew into its buffer.
---@param view aid.View
local function draw(view)
  local lines, hunks = M.lines(view.proposal)
  vim.bo[view.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(view.buffer, 0, -1, false, lines)
  vim.bo[view.buffer].modifiable = false
  vim.api.nvim_buf_clear_namespace(view.buffer, marks, 0, -1)
  view.places = {}
  for _, hunk in ipairs(hunks) do
    local mark = vim.api.nvim_buf_set_extmark(view.buffer, marks, hunk[1], 0, {
      virt_text = { { "a accept  f file  A all  R reject", "Comment" } },
    })
    view.places[mark] = hunk
  end
end

---@param view aid.View
---@return { path: string, index: integer, line: integer }?
local function under_cursor(view)
  if vim.api.nvim_get_current_buf() ~= view.buffer then
    return
  end
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local above = vim.api.nvim_buf_get_extmarks(view.buffer, marks, { row, 0 }, 0, { limit = 1 })[1]
  local found = above or vim.api.nvim_buf_get_extmarks(view.buffer, marks, 0, -1, { limit = 1 })[1]
  return found and view.places[found[1]]
end

---@param view aid.View
local function jump(view, step)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  local from, to = row + 1, -1
  if step < 0 then
    from, to = row - 1, 0
  end
  local next = from >= 0 and vim.api.nvim_buf_get_extmarks(view.buffer, marks, { from, 0 }, to, { limit = 1 })[1]
  if next then
    vim.api.nvim_win_set_cursor(0, { next[2] + 1, 0 })
  end
end

local function close(view)
  views[view.root] = nil
  for _, window in ipairs(vim.fn.win_findbuf(view.buffer)) do
    vim.api.nvim_win_close(window, true)
  end
end

--- Where a change is, in the window that the preview stands over.
local function visit(view)
  local place = under_cursor(view)
  if place then
    close(view)
    vim.cmd.edit(vim.fn.fnameescape(view.root .. "/" .. place.path))
    vim.api.nvim_win_set_cursor(0, { math.min(place.line, vim.api.nvim_buf_line_count(0)), 0 })
  end
end

---@param root string
---@param proposal aid.Proposal
function M.show(root, proposal)
  if views[root] then
    close(views[root])
  end
  local buffer = vim.api.nvim_create_buf(false, true)
  local view = { root = root, proposal = proposal, buffer = buffer, places = {} }
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].filetype = "markdown"
  views[root] = view
  draw(view)
  local width = math.max(20, math.min(100, vim.o.columns - 4))
  local height = math.max(3, math.min(vim.api.nvim_buf_line_count(buffer), vim.o.lines - 6))
  vim.api.nvim_open_win(buffer, true, {
    relative = "editor",
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    width = width,
    height = height,
    border = "rounded",
    title = (" %s "):format(proposal.summary ~= "" and proposal.summary or proposal.id),
  })
  local keys = {
    a = { "accept the hunk", function() M.accept("hunk") end },
    f = { "accept the file", function() M.accept("file") end },
    A = { "accept all", function() M.accept("all") end },
    R = { "reject", M.reject },
    q = { "close", function() close(view) end },
    s = { "open in diff mode", function() M.split(view, under_cursor(view)) end },
    ["<CR>"] = { "go there", function() visit(view) end },
    ["]h"] = { "next hunk", function() jump(view, 1) end },
    ["[h"] = { "previous hunk", function() jump(view, -1) end },
  }
  for key, what in pairs(keys) do
    vim.keymap.set("n", key, what[2], { buffer = buffer, nowait = true, desc = "AID: " .. what[1] })
  end
  jump(view, 1)
end

--- Do something with the preview's proposal, else with the newest open one.
---@param work fun(view: aid.View)
local function with_view(work)
  local root = client.root(0)
  for _, view in pairs(views) do
    if view.buffer == vim.api.nvim_get_current_buf() or view.root == root then
      return work(view)
    end
  end
  client.request(root, protocol.requests.proposals, { workspace = root }, function(result)
    local newest = result and (result.proposals or {})[1]
    if newest then
      work({ root = root, proposal = newest, buffer = -1, places = {} })
    elseif result then
      client.say("there is no open proposal: ask with :Aid")
    end
  end)
end

---@param outcome aid.OutcomeResult
---@return boolean done
function M.tell(outcome, what)
  local refused = outcome.refused or {}
  for _, each in ipairs(refused) do
    client.say((each.path and each.path .. ": " or "") .. each.reason, "error")
  end
  if #refused == 0 then
    local paths = vim.tbl_map(function(file) return file.path end, outcome.files or {})
    client.say(("%s %s"):format(what, table.concat(paths, ", ")))
  end
  for _, note in ipairs(outcome.notes or {}) do
    client.say(note)
  end
  vim.cmd.checktime()
  return #refused == 0
end

--- The proposal as it is now: drawn anew, or closed where nothing of it is left.
local function refresh(view)
  client.request(view.root, protocol.requests.proposal, { id = view.proposal.id }, function(proposal)
    if not proposal or not vim.api.nvim_buf_is_valid(view.buffer) then
      return
    end
    if proposal.state == "open" or proposal.state == "partly" then
      view.proposal = proposal
      draw(view)
    else
      close(view)
    end
  end)
end

---@param part "hunk"|"file"|"all"|nil
function M.accept(part)
  with_view(function(view)
    local params = { id = view.proposal.id, through_editor = true }
    local place = part and part ~= "all" and under_cursor(view)
    if part and part ~= "all" and not place then
      return client.say("put the cursor on it in the preview (:AidDiff), or accept all", "error")
    end
    if place and (part == "file" or place.index < 0) then
      params.files = { place.path }
    elseif place then
      params.hunks = { { path = place.path, index = place.index } }
    end
    client.request(view.root, protocol.requests.accept, params, function(outcome)
      if outcome and M.tell(outcome, "accepted") then
        refresh(view)
      end
    end)
  end)
end

function M.reject()
  with_view(function(view)
    client.request(view.root, protocol.requests.reject, { id = view.proposal.id }, function(outcome)
      if outcome then
        close(view)
        client.say("rejected")
      end
    end)
  end)
end

--- Files beside what would become of them, each in a tab page: of `place` only its file.
---@param view aid.View
---@param place? { path: string }
function M.split(view, place)
  if vim.api.nvim_buf_is_valid(view.buffer) then
    close(view)
  end
  for _, file in ipairs(view.proposal.files) do
    if not place or place.path == file.path then
      local path = view.root .. "/" .. (file.old_path or file.path)
      vim.cmd.tabedit(vim.fn.fnameescape(path))
      local filetype, lines = vim.bo.filetype, vim.api.nvim_buf_get_lines(0, 0, -1, false)
      vim.cmd.diffthis()
      vim.cmd("rightbelow vnew")
      vim.api.nvim_buf_set_lines(0, 0, -1, false, M.applied(lines, file))
      vim.api.nvim_buf_set_name(0, ("aid://%s/%s"):format(view.proposal.id, file.path))
      vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype, vim.bo.modifiable = "nofile", "wipe", filetype, false
      vim.cmd.diffthis()
    end
  end
end

--- What becomes of a file's lines by the hunks not accepted yet.
---@param lines string[]
---@param file aid.ProposedFile
---@return string[]
function M.applied(lines, file)
  local result, at = {}, 1
  for _, hunk in ipairs(file.hunks or {}) do
    if not hunk.accepted then
      local first = hunk.old_lines == 0 and hunk.old_first + 1 or hunk.old_first
      vim.list_extend(result, lines, at, first - 1)
      for line in vim.gsplit(hunk.text:gsub("\n$", ""), "\n") do
        if line:match("^[ +]") then
          result[#result + 1] = line:sub(2)
        end
      end
      at = first + hunk.old_lines
    end
  end
  return vim.list_extend(result, lines, at, #lines)
end

--- Show the newest open proposal.
---@param split boolean
function M.newest(split)
  with_view(function(view)
    if split then
      M.split(view)
    elseif not vim.api.nvim_buf_is_valid(view.buffer) then
      M.show(view.root, view.proposal)
    end
  end)
end

return M
