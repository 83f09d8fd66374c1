// Written by `python -m aid.codegen` from aid/protocol.py; changes here are lost.
// A field at its default is left out on the wire.

export const VERSION = 1;

/**
 * A file the person names, relative to the workspace or absolute; with `first` and `last`, those lines of it.
 */
export interface FileRef {
  readonly path: string;
  readonly first?: number | null;
  readonly last?: number | null;
}

/**
 * Text the person adds to a prompt: a region, a diff, an error. `title` says in a few words what it is.
 */
export interface Attachment {
  readonly title: string;
  readonly text: string;
}

/**
 * `chat` names a conversation whose earlier turns are to be remembered. `token` comes back in each update.
 *
 * `fix`: mend what the build says is wrong there; the daemon words that from the build's own errors, and `prompt`
 * may be empty. `edit`: only these lines may change. `hints` False: the compiler's hints are not tried before the
 * model. `apply`: write what comes out green.
 *
 * `markdown`: the prompt is as it stands in a chat in Markdown, and what is attached to it is read out of it: a line
 * "attached: FILE" (or FILE:FIRST-LAST), or "attached: TITLE" with the text in a fence below.
 */
export interface PromptParams {
  readonly workspace: string;
  readonly prompt?: string; // default: ""
  readonly files?: readonly FileRef[]; // default: []
  readonly attachments?: readonly Attachment[]; // default: []
  readonly fix?: FileRef | null;
  readonly edit?: FileRef | null;
  readonly model?: string | null;
  readonly adapter?: string | null;
  readonly apply?: boolean; // default: false
  readonly hints?: boolean; // default: true
  readonly chat?: string | null;
  readonly token?: string | null;
  readonly markdown?: boolean; // default: false
}

/**
 * A hunk of a proposal. It is accepted, or rejected, by `index`, from 0 in its file.
 *
 * `old_first` and `new_first` are the one-based lines at which it begins in the file before and after, context
 * included; `old_lines` and `new_lines` how many it takes there, 0 where it only adds or only takes away. `text` is
 * what stands below `header` in the diff: lines that begin with a blank, "+", "-" or (no newline at the end) a
 * backslash. `accepted`: it is in the file already. `rejected`: it was turned down; by its index it can be accepted
 * all the same.
 */
export interface ProposedHunk {
  readonly index: number;
  readonly header: string;
  readonly old_first: number;
  readonly old_lines: number;
  readonly new_first: number;
  readonly new_lines: number;
  readonly text: string;
  readonly accepted?: boolean; // default: false
  readonly rejected?: boolean; // default: false
}

/**
 * One without hunks (binary, renamed only, a mode) is accepted or rejected as a whole, by its path.
 *
 * `state` "open": something of it is left to decide, and nothing was accepted; "partly": something was. "accepted":
 * nothing is left to decide, and something was accepted; "rejected": nothing was.
 */
export interface ProposedFile {
  readonly path: string;
  readonly status: "added" | "deleted" | "modified" | "renamed";
  readonly old_path?: string | null;
  readonly added?: number; // default: 0
  readonly removed?: number; // default: 0
  readonly state?: "accepted" | "open" | "partly" | "rejected"; // default: "open"
  readonly hunks?: readonly ProposedHunk[]; // default: []
}

/**
 * Zero-based lines and characters, end exclusive, as in LSP 3.17; characters count code points.
 *
 * A build that names only lines gives character 0 to the start of the line after the last one.
 */
export interface Range {
  readonly start_line: number;
  readonly start_character: number;
  readonly end_line: number;
  readonly end_character: number;
}

/**
 * The text in `range` of `file` (relative to the workspace) becomes `text`.
 */
export interface FixEdit {
  readonly file: string;
  readonly range: Range;
  readonly text: string;
}

/**
 * What the compiler itself would write, in its own words. `sure`: it says the fix keeps the code's meaning.
 */
export interface Fix {
  readonly message: string;
  readonly edits: readonly FixEdit[];
  readonly sure?: boolean; // default: false
}

/**
 * One message of a build. `file` is relative to the workspace, or None when the build names none.
 *
 * `fixes` are the compiler's own, each an alternative; only some compilers print them so that they can be read.
 */
export interface Diagnostic {
  readonly file: string | null;
  readonly range: Range | null;
  readonly severity: "error" | "hint" | "information" | "warning";
  readonly message: string;
  readonly code?: string | null;
  readonly source?: string; // default: ""
  readonly fixes?: readonly Fix[]; // default: []
}

/**
 * A sign that a change games the check. `name` is the trick's ("warning-silenced"), as `ces.hacks` lists them.
 *
 * `line` is zero-based in the file after the change, or before it where the line is gone.
 */
export interface Flag {
  readonly name: string;
  readonly path: string | null;
  readonly line?: number | null;
  readonly message?: string; // default: ""
}

/**
 * What the build says of a change.
 *
 * Green means the whole build is green after the change. Red carries in `diagnostics` only the errors that the tree
 * did not have before; `remaining` counts those it already had and still has, `fixed` those gone. `unchecked` (no
 * build, no time) carries `reason` and must never be shown as green.
 *
 * `components` has 1.0 or 0.0 for each stage that was reached, and only for those. `reward` is None where the change
 * could not be scored (the machine failed, time ran out elsewhere): never 0 for that. `base` and `toolchain` are
 * digests of what it was judged against, None where that was the live tree. `cached`: an earlier run's answer.
 * `tests_run` counts the tests that ended well, as their runners told, and `tests_expected` those that should have:
 * those that passed in the base, or with the reference (None: no tests were come to, or nobody counted them; see
 * `ces.evidence`). More may run, where the base is red. `queue_ms` and `wall_ms` are this request's; `cpu_ms` is
 * that of the run that found the answer.
 */
export interface Verdict {
  readonly status: "green" | "hack" | "infra_error" | "red" | "timeout" | "unchecked";
  readonly stage: "apply" | "build" | "format" | "parse" | "test" | "typecheck" | null;
  readonly diagnostics?: readonly Diagnostic[]; // default: []
  readonly remaining?: number; // default: 0
  readonly fixed?: number; // default: 0
  readonly reason?: string | null;
  readonly adapter?: string | null;
  readonly wall_ms?: number; // default: 0.0
  readonly components?: Readonly<Partial<Record<"apply" | "build" | "format" | "parse" | "test" | "typecheck", number>>>; // default: {}
  readonly reward?: number | null;
  readonly flags?: readonly Flag[]; // default: []
  readonly base?: string | null;
  readonly toolchain?: string | null;
  readonly tests_run?: number | null;
  readonly tests_expected?: number | null;
  readonly cached?: boolean; // default: false
  readonly queue_ms?: number; // default: 0.0
  readonly cpu_ms?: number; // default: 0.0
}

/**
 * A diff someone may accept. `verdict.status` "unchecked" means just that; `badge` is the verdict in words.
 *
 * `state` "partly": not all of it was accepted; its files say whether something is left. "undone": all that was
 * accepted of it was taken back; it may be accepted again. `at` is when it was made, in seconds since the epoch.
 * `markdown`, where it was asked for: the proposal as a chat in Markdown shows it.
 */
export interface Proposal {
  readonly id: string;
  readonly request: string;
  readonly workspace: string;
  readonly model: string;
  readonly diff: string;
  readonly files: readonly ProposedFile[];
  readonly verdict: Verdict;
  readonly badge?: string; // default: ""
  readonly summary?: string; // default: ""
  readonly at?: number; // default: 0.0
  readonly state?: "accepted" | "open" | "partly" | "rejected" | "undone"; // default: "open"
  readonly markdown?: string; // default: ""
}

/**
 * `near`: one-based lines where the edit may have been meant.
 */
export interface RejectedEdit {
  readonly path: string | null;
  readonly reason: string;
  readonly near?: readonly number[]; // default: []
}

/**
 * One attempt at an answer. `rejected` says what of it could not be placed.
 */
export interface Candidate {
  readonly model: string;
  readonly status: "duplicate" | "failed" | "no-edit" | "no-op" | "placed" | "rejected";
  readonly verdict?: Verdict | null;
  readonly rejected?: readonly RejectedEdit[]; // default: []
  readonly attempts?: number; // default: 1
}

/**
 * What one context source gave the prompt, and what of it was cut for want of room.
 */
export interface SourceUse {
  readonly source: string;
  readonly tokens: number;
  readonly cut_tokens?: number; // default: 0
  readonly items?: readonly string[]; // default: []
}

/**
 * Milliseconds. `queue`: before the work began. `first_token`, `total`: from the request's arrival.
 *
 * `model` and `verify` are sums over candidates, which may run at once: they can exceed `total`.
 */
export interface Timings {
  readonly queue?: number; // default: 0.0
  readonly context?: number; // default: 0.0
  readonly first_token?: number | null;
  readonly model?: number; // default: 0.0
  readonly verify?: number; // default: 0.0
  readonly total?: number; // default: 0.0
}

/**
 * `proposal` None: nothing could be proposed, `reason` says why. `text` is the whole answer, `prose` what of it is
 * for the person to read: all but the edits.
 *
 * `prompt` is what was asked, with the daemon's own words where it worded it. `markdown`, where the prompt was: the
 * whole answer to be shown in place of what streamed in.
 */
export interface PromptResult {
  readonly id: string;
  readonly model: string;
  readonly prompt?: string; // default: ""
  readonly text?: string; // default: ""
  readonly prose?: string; // default: ""
  readonly proposal?: Proposal | null;
  readonly candidates?: readonly Candidate[]; // default: []
  readonly sources?: readonly SourceUse[]; // default: []
  readonly timings_ms?: Timings; // default: {}
  readonly applied?: string | null;
  readonly reason?: string | null;
  readonly markdown?: string; // default: ""
}

/**
 * What happens while a prompt is answered. `kind` says which of the other fields are there.
 *
 * "sources": `sources`. "text": `text`, a piece of the answer from `model`. "reasoning": `text`. "candidate":
 * `candidate` (and `proposal` when it could be placed). "status": `text`, one line for the person. "restart": a new
 * daemon begins the request again, so forget what its updates said so far; nothing else is there. `line` is that in
 * words, for a line of progress; "" for what is only drawn as it streams in.
 */
export interface UpdateParams {
  readonly request: string;
  readonly kind: "candidate" | "reasoning" | "restart" | "sources" | "status" | "text";
  readonly token?: string | null;
  readonly text?: string; // default: ""
  readonly line?: string; // default: ""
  readonly model?: string; // default: ""
  readonly sources?: readonly SourceUse[]; // default: []
  readonly candidate?: Candidate | null;
  readonly proposal?: Proposal | null;
}

/**
 * `id` None: the newest one of `workspace` that may be accepted. `markdown`: as Markdown, too.
 */
export interface ProposalParams {
  readonly id?: string | null;
  readonly workspace?: string | null;
  readonly markdown?: boolean; // default: false
}

/**
 * `id` None: the newest one of `workspace`. `path`: only that file, and an error where it can't be said.
 */
export interface ProposedParams {
  readonly id?: string | null;
  readonly workspace?: string | null;
  readonly path?: string | null;
}

/**
 * `line` is the one-based line of a text at which the hunk's first change stands.
 */
export interface HunkPlace {
  readonly index: number;
  readonly line: number;
}

/**
 * A file as it would be with all that is left to decide of a proposal, moved onto the editor's own text where it has
 * the file open. `places`: where the hunks that are left are in that, in order. `reason`: why that can't be said. A
 * file that would be deleted has no text.
 */
export interface ProposedText {
  readonly path: string;
  readonly old_path?: string | null;
  readonly text?: string; // default: ""
  readonly places?: readonly HunkPlace[]; // default: []
  readonly reason?: string | null;
}

/**
 * Files of which nothing is left to decide are left out.
 */
export interface ProposedResult {
  readonly files?: readonly ProposedText[]; // default: []
}

export interface ProposalsParams {
  readonly workspace: string;
}

/**
 * Those of which something is left to decide, the newest first.
 */
export interface ProposalsResult {
  readonly proposals?: readonly Proposal[]; // default: []
}

/**
 * A hunk by number, from 0, in its file's diff.
 */
export interface Hunk {
  readonly path: string;
  readonly index: number;
}

/**
 * Accept all of a proposal, or only whole files or single hunks of it. What was rejected is left out of it, except
 * hunks that are named. `id` None: the newest one of `workspace`.
 *
 * `through_editor`: open documents are changed by `workspace/applyEdit` (the client must offer it), the rest on
 * disk.
 */
export interface AcceptParams {
  readonly id?: string | null;
  readonly files?: readonly string[]; // default: []
  readonly hunks?: readonly Hunk[]; // default: []
  readonly through_editor?: boolean; // default: false
  readonly workspace?: string | null;
}

export interface ChangedFile {
  readonly path: string;
  readonly status: "added" | "deleted" | "modified" | "renamed";
  readonly old_path?: string | null;
  readonly added?: number; // default: 0
  readonly removed?: number; // default: 0
}

/**
 * `applied`: the id to undo by, None when nothing was changed. `refused`: why nothing was, by file.
 *
 * `in_editor`: files changed in the editor's own buffers and not on disk; undone there too (`UndoParams`). `line` is
 * all that in words, `proposal` the id of the proposal that it is of, where that is still kept.
 */
export interface OutcomeResult {
  readonly applied: string | null;
  readonly in_editor?: readonly string[]; // default: []
  readonly notes?: readonly string[]; // default: []
  readonly files?: readonly ChangedFile[]; // default: []
  readonly refused?: readonly RejectedEdit[]; // default: []
  readonly line?: string; // default: ""
  readonly proposal?: string | null;
}

/**
 * Turn down all of a proposal that isn't accepted, or only that of whole files or single hunks.
 *
 * `id` None: the newest one of `workspace`.
 */
export interface RejectParams {
  readonly id?: string | null;
  readonly files?: readonly string[]; // default: []
  readonly hunks?: readonly Hunk[]; // default: []
  readonly reason?: string; // default: ""
  readonly workspace?: string | null;
}

/**
 * `id` None: the last one applied (undo) or undone (redo) in this workspace; with `proposal`, of what was accepted
 * of that proposal.
 *
 * `through_editor`: open documents are changed by `workspace/applyEdit`, also where the change was made by it; else
 * only what was written to disk can be meant.
 */
export interface UndoParams {
  readonly workspace: string;
  readonly id?: string | null;
  readonly proposal?: string | null;
  readonly through_editor?: boolean; // default: false
}

export interface LogParams {
  readonly workspace: string;
  readonly limit?: number; // default: 20
}

/**
 * `at` is seconds since the epoch.
 */
export interface LogEntry {
  readonly id: string;
  readonly at: number;
  readonly state: "applied" | "undone";
  readonly files: readonly ChangedFile[];
  readonly summary?: string; // default: ""
}

export interface LogResult {
  readonly entries?: readonly LogEntry[]; // default: []
}

export interface ChatsParams {
  readonly workspace: string;
}

/**
 * `title` is the first line of its first prompt, `at` the time of its last turn, in seconds since the epoch.
 */
export interface ChatEntry {
  readonly chat: string;
  readonly title: string;
  readonly turns: number;
  readonly at: number;
}

/**
 * The chats of a workspace, the one last spoken in first.
 */
export interface ChatsResult {
  readonly chats?: readonly ChatEntry[]; // default: []
}

/**
 * `markdown`: as Markdown, too.
 */
export interface ChatParams {
  readonly workspace: string;
  readonly chat: string;
  readonly markdown?: boolean; // default: false
}

/**
 * What was asked and answered. `attached` names the files and texts that came with the prompt, as people write it.
 *
 * `proposal` is an id for `aid/proposal`, which may have forgotten it since; None: `reason` says why there was none.
 */
export interface ChatTurn {
  readonly request: string;
  readonly at: number;
  readonly prompt: string;
  readonly text: string;
  readonly prose?: string; // default: ""
  readonly model?: string; // default: ""
  readonly attached?: readonly string[]; // default: []
  readonly proposal?: string | null;
  readonly reason?: string | null;
}

/**
 * A chat's turns in order; none where nothing was said yet.
 *
 * `markdown`, where it was asked for: the same to be shown, with the proposals that are still kept as they are now.
 */
export interface ChatResult {
  readonly turns?: readonly ChatTurn[]; // default: []
  readonly markdown?: string; // default: ""
}

export interface Empty {
}

export interface BuildParams {
  readonly workspace: string;
}

/**
 * Which tests a build ran to their end, as far as their runners tell. A skipped test didn't run.
 *
 * `partial`: programs that are not in it had no reason to run again, so what they did before stands.
 */
export interface Ran {
  readonly tests?: Readonly<Partial<Record<string, Readonly<Partial<Record<string, number>>>>>>; // default: {}
  readonly partial?: boolean; // default: false
}

/**
 * What the build says of a tree as it stands.
 *
 * `reason` says in one line why the status is neither green nor red. `stage` is the last stage reached. `cpu_ms` is
 * what the build's commands took. `ran` is None where no tests were come to. `short_of`: this stage can't be run
 * here (None: every stage can), and all before it is well.
 */
export interface BuildStatus {
  readonly status: "green" | "hack" | "infra_error" | "red" | "timeout" | "unchecked";
  readonly stage: "apply" | "build" | "format" | "parse" | "test" | "typecheck" | null;
  readonly diagnostics?: readonly Diagnostic[]; // default: []
  readonly reason?: string | null;
  readonly adapter?: string | null;
  readonly wall_ms?: number; // default: 0.0
  readonly cpu_ms?: number; // default: 0.0
  readonly ran?: Ran | null;
  readonly short_of?: "apply" | "build" | "format" | "parse" | "test" | "typecheck" | null;
}

/**
 * The build of a workspace that an editor has open was started ("running") or has said something.
 *
 * `badge` is that in words, for a status bar. It is sent to those that ask for it (`InitializationOptions`).
 */
export interface BuildChangedParams {
  readonly workspace: string;
  readonly status: "running" | "green" | "hack" | "infra_error" | "red" | "timeout" | "unchecked";
  readonly errors?: number; // default: 0
  readonly warnings?: number; // default: 0
  readonly badge?: string; // default: ""
}

export interface ModelsParams {
  readonly workspace?: string | null;
}

/**
 * `default`: it answers when none is named; `chosen`: by `aid/setModel`, where aid.toml names another.
 */
export interface ModelEntry {
  readonly name: string;
  readonly backend: string;
  readonly default?: boolean; // default: false
  readonly chosen?: boolean; // default: false
  readonly ready?: boolean; // default: true
  readonly detail?: string; // default: ""
}

export interface ModelsResult {
  readonly models: readonly ModelEntry[];
}

/**
 * The model that answers when none is named, for a workspace or for all: until another is chosen, or aid.toml names
 * another than it does now. Daemons to come know it too.
 */
export interface SetModelParams {
  readonly model: string;
  readonly workspace?: string | null;
}

export interface StatusParams {
}

/**
 * How often an early word was red, green or none, and how often the build's own did not bear it out.
 *
 * `false_reds`: red, where the build type-checked; `false_greens` the reverse.
 */
export interface EarlyCount {
  readonly red?: number; // default: 0
  readonly green?: number; // default: 0
  readonly unsure?: number; // default: 0
  readonly compared?: number; // default: 0
  readonly false_reds?: number; // default: 0
  readonly false_greens?: number; // default: 0
}

/**
 * `early`: what came of the early words on proposals, before the build's own; None where there were none.
 */
export interface WorkspaceStatus {
  readonly root: string;
  readonly files?: number; // default: 0
  readonly indexed?: boolean; // default: false
  readonly clients?: number; // default: 0
  readonly build?: BuildStatus | null;
  readonly early?: EarlyCount | null;
}

/**
 * `rss_bytes`: the daemon's resident memory, without the model worker. `config_error`: why aid.toml is unusable.
 */
export interface StatusResult {
  readonly version: string;
  readonly protocol: number;
  readonly pid: number;
  readonly uptime_s: number;
  readonly clients: number;
  readonly requests_running: number;
  readonly rss_bytes: number;
  readonly workspaces?: readonly WorkspaceStatus[]; // default: []
  readonly models?: readonly ModelEntry[]; // default: []
  readonly socket?: string; // default: ""
  readonly log?: string; // default: ""
  readonly config_error?: string | null;
}

/**
 * `days` None: all of it.
 */
export interface StatsParams {
  readonly workspace?: string | null;
  readonly days?: number | null;
}

/**
 * `models`: end the model workers too. `restart`: another daemon takes over, so what is not done is left to it.
 */
export interface ShutdownParams {
  readonly models?: boolean; // default: false
  readonly restart?: boolean; // default: false
}

/**
 * What an editor may say in the `initializationOptions` of LSP's `initialize`.
 *
 * `diagnostics` False: the build's errors are not published. `build_changed`: send `aid/buildChanged`.
 */
export interface InitializationOptions {
  readonly diagnostics?: boolean; // default: true
  readonly build_changed?: boolean; // default: false
}

/**
 * What an editor's plugin lets a person set, under these names; everything else is the daemon's aid.toml.
 */
export interface EditorSettings {
  readonly command?: readonly string[]; // default: ["aid","connect"]
  readonly enable?: boolean; // default: true
  readonly log_level?: "debug" | "error" | "info" | "warning"; // default: "warning"
}

/**
 * What the daemon answers.
 */
export interface Requests {
  readonly "aid/prompt": { readonly params: PromptParams; readonly result: PromptResult };
  readonly "aid/proposal": { readonly params: ProposalParams; readonly result: Proposal };
  readonly "aid/proposed": { readonly params: ProposedParams; readonly result: ProposedResult };
  readonly "aid/proposals": { readonly params: ProposalsParams; readonly result: ProposalsResult };
  readonly "aid/accept": { readonly params: AcceptParams; readonly result: OutcomeResult };
  readonly "aid/reject": { readonly params: RejectParams; readonly result: OutcomeResult };
  readonly "aid/undo": { readonly params: UndoParams; readonly result: OutcomeResult };
  readonly "aid/redo": { readonly params: UndoParams; readonly result: OutcomeResult };
  readonly "aid/log": { readonly params: LogParams; readonly result: LogResult };
  readonly "aid/chats": { readonly params: ChatsParams; readonly result: ChatsResult };
  readonly "aid/chat": { readonly params: ChatParams; readonly result: ChatResult };
  readonly "aid/forgetChat": { readonly params: ChatParams; readonly result: Empty };
  readonly "aid/build": { readonly params: BuildParams; readonly result: BuildStatus };
  readonly "aid/models": { readonly params: ModelsParams; readonly result: ModelsResult };
  readonly "aid/setModel": { readonly params: SetModelParams; readonly result: ModelsResult };
  readonly "aid/status": { readonly params: StatusParams; readonly result: StatusResult };
  readonly "aid/stats": { readonly params: StatsParams; readonly result: Readonly<Partial<Record<string, unknown>>> };
  readonly "aid/shutdown": { readonly params: ShutdownParams; readonly result: Empty };
}

/**
 * What the daemon sends unasked.
 */
export interface Notifications {
  readonly "aid/update": UpdateParams;
  readonly "aid/buildChanged": BuildChangedParams;
}

export const DEFAULT_SETTINGS: Required<EditorSettings> = {
  command: ["aid","connect"],
  enable: true,
  log_level: "warning",
};
