// The chat: its turns, the answers under way, and which conversation of the daemon's it is.
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";

import { said, type Daemon } from "./daemon";
import type { ShownTurn } from "./messages";
import type { Proposals } from "./proposals";
import type { BuildChangedParams, PromptParams, PromptResult, UpdateParams } from "./protocol";

/** `proposal` is an id. */
export type Turn = { -readonly [key in keyof Omit<ShownTurn, "card">]: ShownTurn[key] } & { proposal: string | null };
const EMPTY = { attached: [], text: "", line: "", running: false, reason: "", proposal: null };

type Asked = Pick<PromptParams, "edit" | "files"> & { readonly prompt: string };
type Found = Pick<PromptResult, "id" | "prompt" | "prose" | "reason" | "proposal">;

interface Running {
  readonly turn: Turn;
  readonly cancel: vscode.CancellationTokenSource;
  writer: string;
  fresh: boolean;
}

export class Session {
  readonly changed = new vscode.EventEmitter<void>();
  private readonly builds = new Map<string, BuildChangedParams>();
  turns: Turn[] = [];
  private readonly running = new Map<string, Running>();

  constructor(
    private readonly daemon: Daemon,
    private readonly proposals: Proposals,
    private readonly kept: vscode.Memento,
    subscriptions: vscode.Disposable[],
  ) {
    subscriptions.push(
      daemon.updated.event((update) => this.hear(update)),
      daemon.built.event((build) => {
        this.builds.set(build.workspace, build);
        this.changed.fire();
      }),
      daemon.fixed.event((result) => this.found(result)),
    );
  }

  get busy(): string {
    const [first] = this.running.values();
    return first ? first.turn.line || "asking" : "";
  }

  /** The daemon's name for the folder need not be ours, where a link leads there. */
  get build(): BuildChangedParams | undefined {
    return this.builds.get(this.root) ?? (this.builds.size === 1 ? [...this.builds.values()][0] : undefined);
  }

  get root(): string {
    return this.chat?.root ?? currentRoot();
  }

  private get chat(): { readonly root: string; readonly id: string } | undefined {
    return this.kept.get("chat");
  }

  /** Take up the chat of before the window was loaded, as the daemon has it. */
  async resume(): Promise<void> {
    if (this.chat && !this.turns.length) {
      await this.open(this.chat.root, this.chat.id);
    }
  }

  async open(root: string, id: string): Promise<void> {
    const { turns = [] } = await this.daemon.request("aid/chat", { workspace: root, chat: id });
    await this.kept.update("chat", { root, id });
    this.turns = turns.map((turn) => ({
      ...EMPTY,
      key: turn.request,
      prompt: turn.prompt,
      attached: turn.attached ?? [],
      text: turn.prose ?? "",
      reason: turn.prose ? "" : (turn.reason ?? ""),
      proposal: turn.proposal ?? null,
    }));
    await Promise.all(this.turns.map((turn) => turn.proposal && this.proposals.fetch(turn.proposal)));
    this.changed.fire();
  }

  async begin(root = currentRoot()): Promise<void> {
    this.cancel();
    this.turns = [];
    await this.kept.update("chat", { root, id: randomUUID() });
    this.changed.fire();
  }

  /** Have the daemon forget what was said here. */
  async forget(): Promise<void> {
    if (this.chat) {
      await this.daemon.request("aid/forgetChat", { workspace: this.chat.root, chat: this.chat.id });
    }
    await this.begin();
  }

  /** Ask, and tell how it goes in a new turn. `undefined`: cancelled or failed, which the turn says too. */
  async ask(asked: Asked, attached: readonly string[], root = this.root): Promise<PromptResult | undefined> {
    if (root !== this.chat?.root) {
      await this.begin(root);
    }
    const token = randomUUID();
    const turn: Turn = { ...EMPTY, key: token, prompt: asked.prompt, attached, line: "asking", running: true };
    const running: Running = { turn, cancel: new vscode.CancellationTokenSource(), writer: "", fresh: false };
    this.running.set(token, running);
    this.turns.push(turn);
    this.changed.fire();
    try {
      const params = { ...asked, workspace: root, chat: this.chat?.id ?? null, token };
      const result = await this.daemon.request("aid/prompt", params, running.cancel.token);
      this.ended(turn, result);
      return result;
    } catch (error) {
      turn.reason = error instanceof vscode.CancellationError ? "Cancelled." : said(error);
      return undefined;
    } finally {
      this.running.delete(token);
      running.cancel.dispose();
      Object.assign(turn, { running: false, line: "" });
      this.changed.fire();
    }
  }

  cancel(): void {
    for (const { cancel } of this.running.values()) {
      cancel.cancel();
    }
  }

  /** Something proposed that was not asked for in this chat. */
  found(result: Found): void {
    const turn: Turn = { ...EMPTY, key: result.id, prompt: result.prompt ?? "" };
    this.turns.push(turn);
    this.ended(turn, result);
    this.changed.fire();
  }

  private ended(turn: Turn, result: Found): void {
    turn.text = result.prose ?? "";
    turn.proposal = result.proposal ? this.proposals.put(result.proposal) : null;
    turn.reason = turn.proposal || turn.text ? "" : (result.reason ?? "");
  }

  private hear(update: UpdateParams): void {
    const running = this.running.get(update.token ?? "");
    if (!running) {
      return;
    }
    const { turn } = running;
    turn.line = update.line || turn.line;
    if (update.kind === "candidate") {
      running.fresh = true;
      turn.proposal = update.proposal ? this.proposals.put(update.proposal) : turn.proposal;
    } else if (update.kind === "text") {
      this.write(running, update.model ?? "", update.text ?? "");
    }
    this.changed.fire();
  }

  /** Of several that write at once one is shown; a new attempt takes the place of the one before. */
  private write(running: Running, writer: string, text: string): void {
    const { turn } = running;
    if (running.fresh || !turn.text) {
      Object.assign(running, { writer, fresh: false });
      turn.text = "";
    }
    if (running.writer === writer) {
      turn.text += text;
    }
  }
}

/** The folder of the file that is being looked at, else the first. */
export function currentRoot(): string {
  const editor = vscode.window.activeTextEditor;
  const folder = editor && vscode.workspace.getWorkspaceFolder(editor.document.uri);
  return (folder ?? vscode.workspace.workspaceFolders?.[0])?.uri.fsPath ?? "";
}
