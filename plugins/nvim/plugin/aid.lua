-- Commands only; the rest is loaded by the first one that is run, or by the first file of a project that is opened.
if vim.g.loaded_aid then
  return
end
vim.g.loaded_aid = true

if vim.fn.has("nvim-0.10") == 0 then
  vim.notify("aid: needs Neovim 0.10 or newer", vim.log.levels.ERROR)
  return
end

for name, usage in pairs(require("aid.usage").commands) do
  vim.api.nvim_create_user_command(name, function(given)
    require("aid.commands").run(name, given)
  end, {
    desc = usage.summary,
    nargs = usage.nargs,
    range = usage.range,
    bang = usage.bang,
    complete = usage.nargs ~= 0 and function(...)
      return require("aid.commands").complete(name, ...)
    end or nil,
  })
end

vim.api.nvim_create_autocmd({ "FileType", "BufWinEnter" }, {
  group = vim.api.nvim_create_augroup("aid", {}),
  desc = "AID: unsaved text, build errors and code actions",
  callback = function(event)
    if vim.bo[event.buf].buftype == "" and vim.api.nvim_buf_get_name(event.buf) ~= "" then
      require("aid.client").attach(event.buf)
    end
  end,
})
