-- What a person calls. Nothing happens at require.
local M = {}

--- Settings, all of them optional; `vim.g.aid` may hold them instead. Calling this is optional too.
---@param settings? aid.EditorSettings
function M.setup(settings) vim.g.aid = vim.tbl_extend("force", vim.g.aid or {}, settings or {}) end

--- For a statusline: the build's state and what is being asked, "" where AID has nothing to say.
---@return string
function M.statusline() return package.loaded["aid.client"] and require("aid.client").statusline(0) or "" end

return M
