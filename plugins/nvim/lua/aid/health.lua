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
  vim.iter(vim.gsplit(vim.trim(doctor.stdout), "\n")):each(function(line) health.info(line) end)
  if doctor.code ~= 0 then health.warn("'aid doctor' found something to mend: see above") end
  local connected = vim.iter(vim.lsp.get_clients({ name = "aid" })):map(function(each) return each.root_dir end)
  health.info("connected for: " .. connected:join(", "))
end

return M
