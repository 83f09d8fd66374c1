-- The commands, as |user-manual| and completion tell of them; `make lint` writes doc/aid.txt from this.
local M = {}

---@class aid.Usage
---@field args string what follows the command's name
---@field summary string
---@field nargs integer|string
---@field range? boolean
---@field bang? boolean
---@field text string

---@type table<string, aid.Usage>
M.commands = {
  Aid = {
    args = "[!] {prompt}",
    summary = "Ask for a change",
    nargs = "+",
    range = true,
    bang = true,
    text = [[
Ask for a change, and show what is proposed in a preview. Without a range the
current file goes along and any file may change; with one, only those lines
may. With [!] a proposal that is green is accepted at once.]],
  },
  AidAccept = {
    args = "[hunk|file|all]",
    summary = "Accept a proposal, or part of it",
    nargs = "?",
    text = [[
Accept what the preview shows: all of it, or in the preview the file or the
hunk under the cursor. Without a preview, the newest open proposal. Buffers
are changed as one undo step each and are not saved; files that no buffer
shows are written.]],
  },
  AidChat = {
    args = "[{chat}]",
    summary = "Talk about the project in a Markdown buffer",
    nargs = "?",
    text = [[
Open the project's chat, or the one named: a Markdown buffer like any other.
What stands below the last line of dashes is sent by <CR> in Normal mode or
<C-s> in any; answers come in at the end. Proposals appear as diffs.]],
  },
  AidDiff = {
    args = "[split]",
    summary = "Show a proposal",
    nargs = "?",
    text = [[
Show the newest open proposal in a preview: `a` accepts the hunk under the
cursor, `f` its file, `A` all, `R` rejects, `]h` and `[h` go to the next and
previous hunk, `<CR>` to the place in the file, `s` opens the file beside what
would become of it, in diff mode, `q` closes. With "split", all files are
opened so, each in a tab page.]],
  },
  AidFix = {
    args = "",
    summary = "Mend the build errors at the cursor",
    nargs = 0,
    range = true,
    bang = true,
    text = [[
Mend what the build says is wrong in the cursor's line, or in the range; where
nothing is wrong there, in the file. [!] as for |:Aid|.]],
  },
  AidModel = {
    args = "[{model}]",
    summary = "Choose the model, or say which it is",
    nargs = "?",
    text = [[
Ask {model} from now on, in this project. Without a name, say which there are.]],
  },
  AidReject = {
    args = "",
    summary = "Turn a proposal down",
    nargs = 0,
    text = [[
Turn down the proposal in the preview, or the newest open one.]],
  },
  AidStatus = {
    args = "",
    summary = "What the build says, and what is running",
    nargs = 0,
    text = [[
Say what the build says, what is running, and which daemon serves this.]],
  },
  AidStop = {
    args = "",
    summary = "Cancel what is being asked",
    nargs = 0,
    text = [[
Cancel what was asked from here and is not answered yet.]],
  },
  AidUndo = {
    args = "[{id}]",
    summary = "Take back what was accepted",
    nargs = "?",
    text = [[
Take back what was accepted last, or the proposal named. Lines that were
edited since stay as they are.]],
  },
}

return M
