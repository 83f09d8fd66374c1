-- :checkhealth aid
local M = {}

function M.check()
  local health, client = vim.health, require("aid.client")
  local command = client.settings().command
  health.start("aid")
  if vim.fn.executable(command[1]) == 0 then
    return health.error(("there is no program %q"):format(command[1]), "install AID, or name it in vim.g.aid.command")
  end
  local version = vim.system({ command[1], "--version" }, { text = true }):wait()
  health.ok(("%s, %s"):format(vim.trim(version.stdout), vim.fn.exepath(command[1])))
  local doctor = vim.system({ command[1], "doctor" }, { text = true, cwd = client.root(0) }):wait()
  for line in vim.gsplit(vim.trim(doctor.stdout), "\n") do
    health.info(line)
  end
  if doctor.code ~= 0 then health.warn("'aid doctor' found something to mend: see above") end
  for _, each in ipairs(vim.lsp.get_clients({ name = "aid" })) do
    health.ok("connected for " .. each.root_dir)
  end
end

return M
