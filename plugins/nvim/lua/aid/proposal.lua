-- A proposal drawn: in a floating preview, in the chat, or as files beside what would become of them.
local api, client = vim.api, require("aid.client")
local requests = require("aid.protocol").requests
local M = {}

local COLOURS = { ["+"] = "Added", ["-"] = "Removed" }
local ACTIONS = { a = "Accept hunk", f = "Accept file", A = "Accept all", r = "Reject hunk", R = "Reject" }
local PARTS = { file = "path", hunk = "index" } ---@type table<string, string> what a place has that is in one
local STATES = { accepted = " accepted", partly = " partly accepted", rejected = " rejected" }
local MOTIONS = { ["]h"] = "jump(1)", ["[h"] = "jump(-1)", ["<CR>"] = "visit()", q = "close()", s = "open('split')" }
local marks = api.nvim_create_namespace("aid")

---@class aid.Place what is drawn in a line: something of a proposal, of a file of it, or of a hunk
---@field id string the proposal's
---@field path? string
---@field index? integer
---@field line? integer in the file
---@field begins? boolean whether it is a hunk's first line

local places = {} ---@type table<integer, table<integer, aid.Place>> by buffer and extmark
local view ---@type { id: string, root: string, buffer: integer }?
local steps = {} ---@type table<integer, integer> by buffer, the last undo step that was ours

local function split_lines(text) return vim.split((text:gsub("\n$", "")), "\n") end

--- Change a buffer in an undo step of our own, so that a person's undo is about the person's.
function M.change(buffer, work)
  api.nvim_buf_call(buffer, function()
    if vim.fn.undotree().seq_cur == steps[buffer] then
      pcall(vim.cmd.undojoin) -- refused right after an undo
    else
      vim.bo.undolevels = vim.bo.undolevels -- ends the person's: |undo-break|
    end
    work()
    vim.bo.undolevels = vim.bo.undolevels
    steps[buffer] = vim.fn.undotree().seq_cur
  end)
end

--- Lines `first` to `last` of a buffer become a proposal, as Markdown or plain; each is an extmark, so that what it is
--- of is known wherever it ends up.
function M.draw(buffer, first, last, proposal)
  local lines, drawn, markdown = {}, {}, vim.bo[buffer].filetype == "markdown"
  local function add(text, place, colour)
    lines[#lines + 1] = text
    drawn[#lines] = { place = vim.tbl_extend("force", { id = proposal.id }, place), colour = colour }
  end
  add(proposal.badge or "", {})
  for _, file in ipairs(proposal.files) do
    local hunks, of_file = file.hunks or {}, { path = file.path, line = 1 }
    local left = vim.tbl_filter(function(hunk) return not (hunk.accepted or hunk.rejected) end, hunks)
    local state = STATES[file.state] or file.status ~= "modified" and " " .. file.status or ""
    add("", {})
    add(("`%s` +%d -%d%s"):format(file.path, file.added or 0, file.removed or 0, state), of_file, "Title")
    if markdown and #left > 0 then add("```diff", of_file) end
    for _, hunk in ipairs(left) do
      local place = { path = file.path, index = hunk.index, line = math.max(1, hunk.new_first) }
      add(hunk.header, vim.tbl_extend("force", place, { begins = true }), "Special")
      for _, line in ipairs(split_lines(hunk.text)) do
        add(line, place, COLOURS[line:sub(1, 1)])
      end
    end
    if markdown and #left > 0 then add("```", of_file) end
  end
  api.nvim_buf_clear_namespace(buffer, marks, first, last)
  api.nvim_buf_set_lines(buffer, first, last, false, lines)
  places[buffer] = places[buffer] or {}
  for row, each in ipairs(drawn) do
    local mark = api.nvim_buf_set_extmark(buffer, marks, first + row - 1, 0, { line_hl_group = each.colour })
    places[buffer][mark] = each.place
  end
end

--- What is drawn in the cursor's line.
local function here()
  local row = vim.fn.line(".") - 1
  local mark = api.nvim_buf_get_extmarks(0, marks, { row, 0 }, { row, 0 }, {})[1]
  return mark and places[api.nvim_get_current_buf()][mark[1]]
end

--- To the next hunk, or the one before.
function M.jump(step)
  local row, buffer = vim.fn.line(".") - 1, api.nvim_get_current_buf()
  for _, mark in ipairs(api.nvim_buf_get_extmarks(buffer, marks, { row, 0 }, step > 0 and -1 or 0, {})) do
    local begins = mark[2] ~= row and places[buffer][mark[1]].begins
    if begins then return api.nvim_win_set_cursor(0, { mark[2] + 1, 0 }) end
  end
end

local function shown(id) return view and api.nvim_buf_is_valid(view.buffer) and view.id == (id or view.id) end

function M.close()
  if shown() then api.nvim_buf_delete(view.buffer, { force = true }) end
end

--- Go to the change that the cursor is on, in the window that the preview stands over.
function M.visit()
  local place, root = here(), client.root(0)
  if not place or not place.path then return end
  M.close()
  vim.cmd(("edit +%d %s"):format(place.line, vim.fn.fnameescape(root .. "/" .. place.path)))
end

--- Draw anew a proposal of which something was decided: in a chat, and in the preview, which goes if nothing is left.
local function redraw(proposal)
  local function is_open(file) return not file.state or file.state == "partly" end -- "open" is left out
  if shown(proposal.id) and not vim.iter(proposal.files):any(is_open) then M.close() end
  for buffer, drawn in pairs(places) do
    local its = api.nvim_buf_is_valid(buffer) and api.nvim_buf_get_extmarks(buffer, marks, 0, -1, {}) or {}
    its = vim.iter(its):filter(function(mark) return drawn[mark[1]].id == proposal.id end):totable()
    if #its > 0 and its[#its][2] - its[1][2] == #its - 1 then -- else someone wrote in between
      local modifiable = vim.bo[buffer].modifiable
      vim.bo[buffer].modifiable = true
      M.change(buffer, function() M.draw(buffer, its[1][2], its[#its][2] + 1, proposal) end)
      vim.bo[buffer].modifiable = modifiable
    end
  end
end

function M.show(root, proposal)
  M.close()
  local buffer = api.nvim_create_buf(false, true)
  view = { id = proposal.id, root = root, buffer = buffer }
  vim.b[buffer].aid_root, vim.bo[buffer].bufhidden, vim.bo[buffer].filetype = root, "wipe", "aid-proposal"
  M.draw(buffer, 0, -1, proposal)
  vim.bo[buffer].modifiable = false
  local width = math.max(20, math.min(100, vim.o.columns - 4))
  local window = api.nvim_open_win(buffer, true, {
    relative = "editor",
    row = 1,
    col = math.floor((vim.o.columns - width) / 2),
    width = width,
    height = 1,
    style = "minimal",
    border = "rounded",
    title = (" %s "):format((proposal.summary or "") ~= "" and proposal.summary or proposal.id),
    footer = " accept: a hunk, f file, A all · reject: r hunk, R all · s side by side · q close ",
  })
  api.nvim_win_set_height(window, math.min(api.nvim_win_text_height(window, {}).all, vim.o.lines - 6))
  local function map(key, command)
    vim.keymap.set("n", key, ("<Cmd>%s<CR>"):format(command), { buffer = buffer, nowait = true })
  end
  vim.iter(ACTIONS):each(function(key, action) map(key, "Aid" .. action) end)
  vim.iter(MOTIONS):each(function(key, motion) map(key, "lua require('aid.proposal')." .. motion) end)
  M.jump(1)
end

--- Do something with the proposal `id`, else the one under the cursor, the preview's, or the newest open one.
local function with_proposal(id, work)
  local root, place = client.root(0), here()
  id = id or place and place.id or shown() and view.root == root and view.id or nil
  client.request(root, requests.proposal, { id = id, workspace = root }, function(found)
    if found then work(root, found, place) end
  end)
end

--- Accept, reject or undo; then say what became of it, and draw anew what it was about.
function M.decide(root, method, params)
  client.request(root, method, params, function(outcome)
    if not outcome then return end
    client.say(outcome.line, outcome.refused and "ERROR")
    vim.cmd.checktime()
    if not outcome.proposal then return end
    client.request(root, requests.proposal, { id = outcome.proposal }, function(proposal)
      if proposal then redraw(proposal) end
    end)
  end)
end

--- Have `method` done to all of a proposal, or to the file or hunk that the cursor is on.
local function decide_part(method, part, id, params)
  with_proposal(id, function(root, proposal, place)
    if part ~= "all" and not (place and place[PARTS[part] or 1]) then
      return client.say(("put the cursor on a %s of the proposal: :AidDiff shows it"):format(part), "ERROR")
    end
    params.id = proposal.id
    params.hunks = part == "hunk" and { { path = place.path, index = place.index } } or nil
    params.files = part == "file" and { place.path } or nil
    M.decide(root, method, params)
  end)
end

function M.accept(part, id) decide_part(requests.accept, part, id, { through_editor = true }) end
function M.reject(part) decide_part(requests.reject, part, nil, {}) end

--- Files beside what would become of them, each in a tab page; with `path`, only that one.
local function side_by_side(root, id, path)
  M.close()
  client.request(root, requests.proposed, { id = id, path = path }, function(result)
    for _, file in ipairs(result and result.files or {}) do
      if file.reason then
        client.say(file.path .. ": " .. file.reason, "ERROR")
      else
        vim.cmd.tabedit(vim.fn.fnameescape(root .. "/" .. (file.old_path or file.path)))
        local filetype = vim.bo.filetype
        vim.cmd("diffthis | rightbelow vnew")
        api.nvim_buf_set_name(0, ("aid://%s/%d/%s"):format(id, vim.fn.bufnr(), file.path))
        api.nvim_buf_set_lines(0, 0, -1, false, split_lines(file.text or ""))
        vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype, vim.bo.modifiable = "nofile", "wipe", filetype, false
        vim.cmd("diffthis | wincmd p")
      end
    end
  end)
end

function M.open(given)
  with_proposal(given ~= "split" and given ~= "" and given or nil, function(root, proposal, place)
    if given == "split" then return side_by_side(root, proposal.id, place and place.index and place.path) end
    M.show(root, proposal)
  end)
end

return M
