-- :checkhealth aid
local M = {}

function M.check()
  local health, client, protocol = vim.health, require("aid.client"), require("aid.protocol")
  local command = client.settings().command
  health.start("aid")
  health.ok(("Neovim %s"):format(tostring(vim.version())))
  if vim.fn.executable(command[1]) == 0 then
    return health.error(("there is no program %q"):format(command[1]), { "install AID, or name it in vim.g.aid.command" })
  end
  local version = vim.system({ command[1], "--version" }, { text = true }):wait()
  health.ok(vim.trim(version.stdout or "") .. ", " .. vim.fn.exepath(command[1]))
  local doctor = vim.system({ command[1], "doctor" }, { text = true, cwd = client.root(0) }):wait()
  for line in vim.gsplit(vim.trim(doctor.stdout or ""), "\n") do
    health.info(line)
  end
  if doctor.code ~= 0 then
    health.warn("'aid doctor' found something to mend: see above")
  end
  for _, each in ipairs(vim.lsp.get_clients({ name = "aid" })) do
    health.ok(("connected for %s, protocol %d"):format(each.root_dir, protocol.VERSION))
  end
end

return M
