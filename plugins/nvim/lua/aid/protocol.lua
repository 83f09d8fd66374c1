-- Written by `python -m aid.codegen` from aid/protocol.py; changes here are lost.
-- A field at its default is left out on the wire.

--- A file the person names, relative to the workspace or absolute; with `first` and `last`, those lines of it.
---@class (exact) aid.FileRef
---@field path string
---@field first? integer
---@field last? integer

--- Text the person adds to a prompt: a region, a diff, an error. `title` says in a few words what it is.
---@class (exact) aid.Attachment
---@field title string
---@field text string

--- `chat` names a conversation whose earlier turns are to be remembered. `token` comes back in each update.
--- `fix`: mend what the build says is wrong there; the daemon words that from the build's own errors, and `prompt` may be empty. `edit`: only these lines may change. `hints` False: the compiler's hints are not tried before the model. `apply`: write what comes out green.
--- `markdown`: the prompt is as it stands in a chat in Markdown, and what is attached to it is read out of it: a line "attached: FILE" (or FILE:FIRST-LAST), or "attached: TITLE" with the text in a fence below.
---@class (exact) aid.PromptParams
---@field workspace string
---@field prompt? string default: ""
---@field files? aid.FileRef[] default: []
---@field attachments? aid.Attachment[] default: []
---@field fix? aid.FileRef
---@field edit? aid.FileRef
---@field model? string
---@field adapter? string
---@field apply? boolean default: false
---@field hints? boolean default: true
---@field chat? string
---@field token? string
---@field markdown? boolean default: false

--- A hunk of a proposal. It is accepted, or rejected, by `index`, from 0 in its file.
--- `old_first` and `new_first` are the one-based lines at which it begins in the file before and after, context included; `old_lines` and `new_lines` how many it takes there, 0 where it only adds or only takes away. `text` is what stands below `header` in the diff: lines that begin with a blank, "+", "-" or (no newline at the end) a backslash. `accepted`: it is in the file already. `rejected`: it was turned down; by its index it can be accepted all the same.
---@class (exact) aid.ProposedHunk
---@field index integer
---@field header string
---@field old_first integer
---@field old_lines integer
---@field new_first integer
---@field new_lines integer
---@field text string
---@field accepted? boolean default: false
---@field rejected? boolean default: false

--- One without hunks (binary, renamed only, a mode) is accepted or rejected as a whole, by its path.
--- `state` "open": something of it is left to decide, and nothing was accepted; "partly": something was. "accepted": nothing is left to decide, and something was accepted; "rejected": nothing was.
---@class (exact) aid.ProposedFile
---@field path string
---@field status "added"|"deleted"|"modified"|"renamed"
---@field old_path? string
---@field added? integer default: 0
---@field removed? integer default: 0
---@field state? "accepted"|"open"|"partly"|"rejected" default: "open"
---@field hunks? aid.ProposedHunk[] default: []

--- Zero-based lines and characters, end exclusive, as in LSP 3.17; characters count code points.
--- A build that names only lines gives character 0 to the start of the line after the last one.
---@class (exact) aid.Range
---@field start_line integer
---@field start_character integer
---@field end_line integer
---@field end_character integer

--- The text in `range` of `file` (relative to the workspace) becomes `text`.
---@class (exact) aid.FixEdit
---@field file string
---@field range aid.Range
---@field text string

--- What the compiler itself would write, in its own words. `sure`: it says the fix keeps the code's meaning.
---@class (exact) aid.Fix
---@field message string
---@field edits aid.FixEdit[]
---@field sure? boolean default: false

--- One message of a build. `file` is relative to the workspace, or None when the build names none.
--- `fixes` are the compiler's own, each an alternative; only some compilers print them so that they can be read.
---@class (exact) aid.Diagnostic
---@field file string
---@field range aid.Range
---@field severity "error"|"hint"|"information"|"warning"
---@field message string
---@field code? string
---@field source? string default: ""
---@field fixes? aid.Fix[] default: []

--- A sign that a change games the check. `name` is the trick's ("warning-silenced"), as `ces.hacks` lists them.
--- `line` is zero-based in the file after the change, or before it where the line is gone.
---@class (exact) aid.Flag
---@field name string
---@field path string
---@field line? integer
---@field message? string default: ""

--- What the build says of a change.
--- Green means the whole build is green after the change. Red carries in `diagnostics` only the errors that the tree did not have before; `remaining` counts those it already had and still has, `fixed` those gone. `unchecked` (no build, no time) carries `reason` and must never be shown as green.
--- `components` has 1.0 or 0.0 for each stage that was reached, and only for those. `reward` is None where the change could not be scored (the machine failed, time ran out elsewhere): never 0 for that. `base` and `toolchain` are digests of what it was judged against, None where that was the live tree. `cached`: an earlier run's answer. `tests_run` counts the tests that ended well, as their runners told, and `tests_expected` those that should have: those that passed in the base, or with the reference (None: no tests were come to, or nobody counted them; see `ces.evidence`). More may run, where the base is red. `queue_ms` and `wall_ms` are this request's; `cpu_ms` is that of the run that found the answer.
---@class (exact) aid.Verdict
---@field status "green"|"hack"|"infra_error"|"red"|"timeout"|"unchecked"
---@field stage "apply"|"build"|"format"|"parse"|"test"|"typecheck"
---@field diagnostics? aid.Diagnostic[] default: []
---@field remaining? integer default: 0
---@field fixed? integer default: 0
---@field reason? string
---@field adapter? string
---@field wall_ms? number default: 0.0
---@field components? table<"apply"|"build"|"format"|"parse"|"test"|"typecheck", number> default: {}
---@field reward? number
---@field flags? aid.Flag[] default: []
---@field base? string
---@field toolchain? string
---@field tests_run? integer
---@field tests_expected? integer
---@field cached? boolean default: false
---@field queue_ms? number default: 0.0
---@field cpu_ms? number default: 0.0

--- A diff someone may accept. `verdict.status` "unchecked" means just that; `badge` is the verdict in words.
--- `state` "partly": not all of it was accepted; its files say whether something is left. "undone": all that was accepted of it was taken back; it may be accepted again. `at` is when it was made, in seconds since the epoch. `markdown`, where it was asked for: the proposal as a chat in Markdown shows it.
---@class (exact) aid.Proposal
---@field id string
---@field request string
---@field workspace string
---@field model string
---@field diff string
---@field files aid.ProposedFile[]
---@field verdict aid.Verdict
---@field badge? string default: ""
---@field summary? string default: ""
---@field at? number default: 0.0
---@field state? "accepted"|"open"|"partly"|"rejected"|"undone" default: "open"
---@field markdown? string default: ""

--- `near`: one-based lines where the edit may have been meant.
---@class (exact) aid.RejectedEdit
---@field path string
---@field reason string
---@field near? integer[] default: []

--- One attempt at an answer. `rejected` says what of it could not be placed.
---@class (exact) aid.Candidate
---@field model string
---@field status "duplicate"|"failed"|"no-edit"|"no-op"|"placed"|"rejected"
---@field verdict? aid.Verdict
---@field rejected? aid.RejectedEdit[] default: []
---@field attempts? integer default: 1

--- What one context source gave the prompt, and what of it was cut for want of room.
---@class (exact) aid.SourceUse
---@field source string
---@field tokens integer
---@field cut_tokens? integer default: 0
---@field items? string[] default: []

--- Milliseconds. `queue`: before the work began. `first_token`, `total`: from the request's arrival.
--- `model` and `verify` are sums over candidates, which may run at once: they can exceed `total`.
---@class (exact) aid.Timings
---@field queue? number default: 0.0
---@field context? number default: 0.0
---@field first_token? number
---@field model? number default: 0.0
---@field verify? number default: 0.0
---@field total? number default: 0.0

--- `proposal` None: nothing could be proposed, `reason` says why. `text` is the whole answer, `prose` what of it is for the person to read: all but the edits.
--- `prompt` is what was asked, with the daemon's own words where it worded it. `markdown`, where the prompt was: the whole answer to be shown in place of what streamed in.
---@class (exact) aid.PromptResult
---@field id string
---@field model string
---@field prompt? string default: ""
---@field text? string default: ""
---@field prose? string default: ""
---@field proposal? aid.Proposal
---@field candidates? aid.Candidate[] default: []
---@field sources? aid.SourceUse[] default: []
---@field timings_ms? aid.Timings default: {}
---@field applied? string
---@field reason? string
---@field markdown? string default: ""

--- What happens while a prompt is answered. `kind` says which of the other fields are there.
--- "sources": `sources`. "text": `text`, a piece of the answer from `model`. "reasoning": `text`. "candidate": `candidate` (and `proposal` when it could be placed). "status": `text`, one line for the person. "restart": a new daemon begins the request again, so forget what its updates said so far; nothing else is there. `line` is that in words, for a line of progress; "" for what is only drawn as it streams in.
---@class (exact) aid.UpdateParams
---@field request string
---@field kind "candidate"|"reasoning"|"restart"|"sources"|"status"|"text"
---@field token? string
---@field text? string default: ""
---@field line? string default: ""
---@field model? string default: ""
---@field sources? aid.SourceUse[] default: []
---@field candidate? aid.Candidate
---@field proposal? aid.Proposal

--- `id` None: the newest one of `workspace` that may be accepted. `markdown`: as Markdown, too.
---@class (exact) aid.ProposalParams
---@field id? string
---@field workspace? string
---@field markdown? boolean default: false

--- `id` None: the newest one of `workspace`. `path`: only that file, and an error where it can't be said.
---@class (exact) aid.ProposedParams
---@field id? string
---@field workspace? string
---@field path? string

--- `line` is the one-based line of a text at which the hunk's first change stands.
---@class (exact) aid.HunkPlace
---@field index integer
---@field line integer

--- A file as it would be with all that is left to decide of a proposal, moved onto the editor's own text where it has the file open. `places`: where the hunks that are left are in that, in order. `reason`: why that can't be said. A file that would be deleted has no text.
---@class (exact) aid.ProposedText
---@field path string
---@field old_path? string
---@field text? string default: ""
---@field places? aid.HunkPlace[] default: []
---@field reason? string

--- Files of which nothing is left to decide are left out.
---@class (exact) aid.ProposedResult
---@field files? aid.ProposedText[] default: []

---@class (exact) aid.ProposalsParams
---@field workspace string

--- Those of which something is left to decide, the newest first.
---@class (exact) aid.ProposalsResult
---@field proposals? aid.Proposal[] default: []

--- A hunk by number, from 0, in its file's diff.
---@class (exact) aid.Hunk
---@field path string
---@field index integer

--- Accept all of a proposal, or only whole files or single hunks of it. What was rejected is left out of it, except hunks that are named. `id` None: the newest one of `workspace`.
--- `through_editor`: open documents are changed by `workspace/applyEdit` (the client must offer it), the rest on disk.
---@class (exact) aid.AcceptParams
---@field id? string
---@field files? string[] default: []
---@field hunks? aid.Hunk[] default: []
---@field through_editor? boolean default: false
---@field workspace? string

---@class (exact) aid.ChangedFile
---@field path string
---@field status "added"|"deleted"|"modified"|"renamed"
---@field old_path? string
---@field added? integer default: 0
---@field removed? integer default: 0

--- `applied`: the id to undo by, None when nothing was changed. `refused`: why nothing was, by file.
--- `in_editor`: files changed in the editor's own buffers and not on disk; undone there too (`UndoParams`). `line` is all that in words, `proposal` the id of the proposal that it is of, where that is still kept.
---@class (exact) aid.OutcomeResult
---@field applied string
---@field in_editor? string[] default: []
---@field notes? string[] default: []
---@field files? aid.ChangedFile[] default: []
---@field refused? aid.RejectedEdit[] default: []
---@field line? string default: ""
---@field proposal? string

--- Turn down all of a proposal that isn't accepted, or only that of whole files or single hunks.
--- `id` None: the newest one of `workspace`.
---@class (exact) aid.RejectParams
---@field id? string
---@field files? string[] default: []
---@field hunks? aid.Hunk[] default: []
---@field reason? string default: ""
---@field workspace? string

--- `id` None: the last one applied (undo) or undone (redo) in this workspace; with `proposal`, of what was accepted of that proposal.
--- `through_editor`: open documents are changed by `workspace/applyEdit`, also where the change was made by it; else only what was written to disk can be meant.
---@class (exact) aid.UndoParams
---@field workspace string
---@field id? string
---@field proposal? string
---@field through_editor? boolean default: false

---@class (exact) aid.LogParams
---@field workspace string
---@field limit? integer default: 20

--- `at` is seconds since the epoch.
---@class (exact) aid.LogEntry
---@field id string
---@field at number
---@field state "applied"|"undone"
---@field files aid.ChangedFile[]
---@field summary? string default: ""

---@class (exact) aid.LogResult
---@field entries? aid.LogEntry[] default: []

---@class (exact) aid.ChatsParams
---@field workspace string

--- `title` is the first line of its first prompt, `at` the time of its last turn, in seconds since the epoch.
---@class (exact) aid.ChatEntry
---@field chat string
---@field title string
---@field turns integer
---@field at number

--- The chats of a workspace, the one last spoken in first.
---@class (exact) aid.ChatsResult
---@field chats? aid.ChatEntry[] default: []

--- `markdown`: as Markdown, too.
---@class (exact) aid.ChatParams
---@field workspace string
---@field chat string
---@field markdown? boolean default: false

--- What was asked and answered. `attached` names the files and texts that came with the prompt, as people write it.
--- `proposal` is an id for `aid/proposal`, which may have forgotten it since; None: `reason` says why there was none.
---@class (exact) aid.ChatTurn
---@field request string
---@field at number
---@field prompt string
---@field text string
---@field prose? string default: ""
---@field model? string default: ""
---@field attached? string[] default: []
---@field proposal? string
---@field reason? string

--- A chat's turns in order; none where nothing was said yet.
--- `markdown`, where it was asked for: the same to be shown, with the proposals that are still kept as they are now.
---@class (exact) aid.ChatResult
---@field turns? aid.ChatTurn[] default: []
---@field markdown? string default: ""

---@class (exact) aid.Empty

---@class (exact) aid.BuildParams
---@field workspace string

--- Which tests a build ran to their end, as far as their runners tell. A skipped test didn't run.
--- `partial`: programs that are not in it had no reason to run again, so what they did before stands.
---@class (exact) aid.Ran
---@field tests? table<string, table<string, integer>> default: {}
---@field partial? boolean default: false

--- What the build says of a tree as it stands.
--- `reason` says in one line why the status is neither green nor red. `stage` is the last stage reached. `cpu_ms` is what the build's commands took. `ran` is None where no tests were come to. `short_of`: this stage can't be run here (None: every stage can), and all before it is well.
---@class (exact) aid.BuildStatus
---@field status "green"|"hack"|"infra_error"|"red"|"timeout"|"unchecked"
---@field stage "apply"|"build"|"format"|"parse"|"test"|"typecheck"
---@field diagnostics? aid.Diagnostic[] default: []
---@field reason? string
---@field adapter? string
---@field wall_ms? number default: 0.0
---@field cpu_ms? number default: 0.0
---@field ran? aid.Ran
---@field short_of? "apply"|"build"|"format"|"parse"|"test"|"typecheck"

--- The build of a workspace that an editor has open was started ("running") or has said something.
--- `badge` is that in words, for a status bar. It is sent to those that ask for it (`InitializationOptions`).
---@class (exact) aid.BuildChangedParams
---@field workspace string
---@field status "running"|"green"|"hack"|"infra_error"|"red"|"timeout"|"unchecked"
---@field errors? integer default: 0
---@field warnings? integer default: 0
---@field badge? string default: ""

---@class (exact) aid.ModelsParams
---@field workspace? string

--- `default`: it answers when none is named; `chosen`: by `aid/setModel`, where aid.toml names another.
---@class (exact) aid.ModelEntry
---@field name string
---@field backend string
---@field default? boolean default: false
---@field chosen? boolean default: false
---@field ready? boolean default: true
---@field detail? string default: ""

---@class (exact) aid.ModelsResult
---@field models aid.ModelEntry[]

--- The model that answers when none is named, for a workspace or for all: until another is chosen, or aid.toml names another than it does now. Daemons to come know it too.
---@class (exact) aid.SetModelParams
---@field model string
---@field workspace? string

---@class (exact) aid.StatusParams

--- How often an early word was red, green or none, and how often the build's own did not bear it out.
--- `false_reds`: red, where the build type-checked; `false_greens` the reverse.
---@class (exact) aid.EarlyCount
---@field red? integer default: 0
---@field green? integer default: 0
---@field unsure? integer default: 0
---@field compared? integer default: 0
---@field false_reds? integer default: 0
---@field false_greens? integer default: 0

--- `early`: what came of the early words on proposals, before the build's own; None where there were none.
---@class (exact) aid.WorkspaceStatus
---@field root string
---@field files? integer default: 0
---@field indexed? boolean default: false
---@field clients? integer default: 0
---@field build? aid.BuildStatus
---@field early? aid.EarlyCount

--- `rss_bytes`: the daemon's resident memory, without the model worker. `config_error`: why aid.toml is unusable.
---@class (exact) aid.StatusResult
---@field version string
---@field protocol integer
---@field pid integer
---@field uptime_s number
---@field clients integer
---@field requests_running integer
---@field rss_bytes integer
---@field workspaces? aid.WorkspaceStatus[] default: []
---@field models? aid.ModelEntry[] default: []
---@field socket? string default: ""
---@field log? string default: ""
---@field config_error? string

--- `days` None: all of it.
---@class (exact) aid.StatsParams
---@field workspace? string
---@field days? number

--- `models`: end the model workers too. `restart`: another daemon takes over, so what is not done is left to it.
---@class (exact) aid.ShutdownParams
---@field models? boolean default: false
---@field restart? boolean default: false

--- What an editor may say in the `initializationOptions` of LSP's `initialize`.
--- `diagnostics` False: the build's errors are not published. `build_changed`: send `aid/buildChanged`.
---@class (exact) aid.InitializationOptions
---@field diagnostics? boolean default: true
---@field build_changed? boolean default: false

--- What an editor's plugin lets a person set, under these names; everything else is the daemon's aid.toml.
---@class (exact) aid.EditorSettings
---@field command? string[] default: ["aid","connect"]
---@field enable? boolean default: true
---@field log_level? "debug"|"error"|"info"|"warning" default: "warning"

local M = {}

M.VERSION = 1

M.requests = {
  prompt = "aid/prompt",
  proposal = "aid/proposal",
  proposed = "aid/proposed",
  proposals = "aid/proposals",
  accept = "aid/accept",
  reject = "aid/reject",
  undo = "aid/undo",
  redo = "aid/redo",
  log = "aid/log",
  chats = "aid/chats",
  chat = "aid/chat",
  forgetChat = "aid/forgetChat",
  build = "aid/build",
  models = "aid/models",
  setModel = "aid/setModel",
  status = "aid/status",
  stats = "aid/stats",
  shutdown = "aid/shutdown",
}

M.notifications = {
  update = "aid/update",
  buildChanged = "aid/buildChanged",
}

---@type aid.EditorSettings
M.settings = {
  command = { "aid", "connect" },
  enable = true,
  log_level = "warning",
}

-- What a project is known by (aid/root.py).
M.owned = { ".git", ".hg", "aid.toml" }
M.project = { "dune-project", "dune-workspace", "pyproject.toml", "setup.py", "Cargo.toml", "package.json", "go.mod", "CMakeLists.txt", "Makefile" }

return M
