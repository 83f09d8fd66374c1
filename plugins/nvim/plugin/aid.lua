-- Commands only; the rest is loaded by the first one that is run, or by the first file of a project that is opened.
if vim.g.loaded_aid then return end
vim.g.loaded_aid = true
if vim.fn.has("nvim-0.10") == 0 then
  return vim.notify("aid: needs Neovim 0.10 or newer", vim.log.levels.ERROR)
end

-- doc/aid.txt tells of each; the tests hold it against what is defined here.
local commands = {
  Aid = { nargs = "+", range = true, bang = true, desc = "Ask for a change" },
  AidAccept = { nargs = "?", desc = "Accept a proposal, or part of it" },
  AidChat = { nargs = "?", range = true, desc = "Talk about the project in a Markdown buffer" },
  AidDiff = { nargs = "?", desc = "Show a proposal" },
  AidFix = { nargs = "*", range = true, bang = true, desc = "Mend the build errors at the cursor" },
  AidModel = { nargs = "?", desc = "Choose the model, or say which there are" },
  AidReject = { nargs = "?", desc = "Turn a proposal down, or part of it" },
  AidStatus = { nargs = 0, desc = "Say what the build says, and what is running" },
  AidStop = { nargs = 0, desc = "Cancel what is being asked" },
  AidUndo = { nargs = "?", desc = "Take back what was accepted" },
}
for name, command in pairs(commands) do
  local function complete(lead) return require("aid.commands").complete(name, lead) end
  command.complete = command.nargs ~= 0 and complete or nil
  vim.api.nvim_create_user_command(name, function(given) require("aid.commands").run[name](given) end, command)
end

vim.api.nvim_create_autocmd({ "FileType", "BufWinEnter" }, {
  group = vim.api.nvim_create_augroup("aid", {}),
  desc = "AID: unsaved text, build errors and code actions",
  callback = function(event)
    if vim.bo[event.buf].buftype == "" and event.file ~= "" then require("aid.client").attach(event.buf) end
  end,
})
