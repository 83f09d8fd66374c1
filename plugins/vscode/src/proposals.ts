// Proposals: what was decided of each, and the diff editors that show them.
import * as path from "node:path";
import * as vscode from "vscode";

import { applied, type Place } from "./applied";
import type { Daemon } from "./daemon";
import type { Card, Decision, ShownFile } from "./messages";
import type { AcceptParams, OutcomeResult, ProposedFile, Proposal } from "./protocol";

export const SCHEME = "aid-proposed";
const EMPTY = "empty";

/** A part of a proposal: all of it, a file, or a hunk of that. */
export interface Part {
  readonly path?: string | undefined;
  readonly hunk?: number | undefined;
}

export class Proposals implements vscode.TextDocumentContentProvider, vscode.Disposable {
  /** The proposal of this id is another now. */
  readonly changed = new vscode.EventEmitter<string>();
  private readonly edited = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.edited.event;
  private readonly known = new Map<string, Proposal>();
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly daemon: Daemon,
    private readonly kept: vscode.Memento,
  ) {
    this.disposables = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.workspace.onDidChangeTextDocument(({ document }) => document.uri.scheme !== SCHEME && this.redraw(document.uri)),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables, this.changed, this.edited).dispose();
  }

  put(proposal: Proposal): string {
    this.known.set(proposal.id, proposal);
    this.changed.fire(proposal.id);
    for (const document of vscode.workspace.textDocuments) {
      if (document.uri.scheme === SCHEME && document.uri.query === proposal.id) {
        this.edited.fire(document.uri);
      }
    }
    return proposal.id;
  }

  /** Ask the daemon for it anew; false where it was forgotten. */
  async fetch(id: string): Promise<boolean> {
    try {
      this.put(await this.daemon.request("aid/proposal", { id }));
      return true;
    } catch {
      return this.known.delete(id) && false;
    }
  }

  card(id: string): Card | null {
    const proposal = this.known.get(id);
    if (!proposal) {
      return null;
    }
    const files = proposal.files.map((file) => this.shown(proposal, file));
    const open = files.some((file) => file.decision === "open");
    const state = proposal.state ?? "open";
    const verdict = proposal.verdict.status;
    const rejected = !open && state !== "accepted" && state !== "rejected";
    const undo = state === "accepted" || state === "partly";
    return { id, badge: proposal.badge ?? verdict, verdict, state: rejected ? "decided" : state, files, undo };
  }

  async accept(id: string, part: Part): Promise<void> {
    const proposal = this.known.get(id);
    if (!proposal) {
      return;
    }
    const parts = this.parts(proposal, part);
    if (parts.files?.length === 0 && parts.hunks?.length === 0) {
      return; // decided already; no parts at all would mean everything
    }
    const outcome = await this.daemon.request("aid/accept", { id, through_editor: true, ...parts });
    if (outcome.applied) {
      await this.keep("applied", id, [...this.list("applied", id), outcome.applied]);
    }
    await this.settled(proposal, outcome, "Not accepted");
  }

  async reject(id: string, part: Part): Promise<void> {
    const proposal = this.known.get(id);
    if (!proposal) {
      return;
    }
    const { files = [], hunks = [] } = this.parts(proposal, part, true);
    await this.keep("rejected", id, [...this.list("rejected", id), ...files, ...hunks.map((hunk) => named(hunk.path, hunk.index))]);
    const none = this.card(id)?.files.every((file) => file.decision === "rejected");
    if (none && (proposal.state ?? "open") === "open") {
      await this.daemon.request("aid/reject", { id });
      await this.fetch(id);
    } else {
      this.put(proposal);
    }
    await this.closeDecided(proposal);
  }

  /** Take back what was accepted last, of the proposal or of all that was accepted in `root`. */
  async undo(root: string, id?: string): Promise<OutcomeResult> {
    const steps = id ? this.list("applied", id) : [];
    const outcome = await this.daemon.request("aid/undo", { workspace: root, id: steps.at(-1) ?? null, through_editor: true });
    const done = id ?? outcome.applied?.split(/[-.]/)[0];
    const proposal = done ? this.known.get(done) : undefined;
    if (done && outcome.applied) {
      await this.keep("applied", done, this.list("applied", done).filter((each) => each !== outcome.applied));
    }
    if (proposal) {
      await this.settled(proposal, outcome, "Not undone");
    } else {
      tell(outcome, "Not undone");
    }
    return outcome;
  }

  /** One file beside what it would become, or all of them. */
  async show(id: string, only?: string): Promise<void> {
    const proposal = this.known.get(id);
    const files = proposal?.files.filter((file) => !only || file.path === only) ?? [];
    const [first] = files;
    if (!proposal || !first) {
      return;
    }
    const sides = files.map((file) => this.sides(proposal, file));
    if (only && sides[0]) {
      const title = `${path.basename(first.path)}: as proposed`;
      await vscode.commands.executeCommand("vscode.diff", sides[0][1], sides[0][2], title, { preview: true });
    } else {
      await vscode.commands.executeCommand("vscode.changes", `AID: ${proposal.summary || id}`, sides);
    }
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    return uri.fragment === EMPTY ? "" : (await this.proposed(uri)).text;
  }

  /** The part that the cursor is in, in a document of ours. */
  async partAt(editor: vscode.TextEditor): Promise<{ id: string; part: Part } | null> {
    const { uri } = editor.document;
    if (uri.scheme !== SCHEME) {
      return null;
    }
    const { places } = await this.proposed(uri);
    const line = editor.selection.active.line;
    const place = places.findLast((each) => each.first <= line) ?? places[0];
    return { id: uri.query, part: { path: uri.path.slice(1), hunk: place?.index } };
  }

  private async proposed(uri: vscode.Uri): Promise<{ text: string; places: Place[] }> {
    const proposal = this.known.get(uri.query);
    const file = proposal?.files.find((each) => each.path === uri.path.slice(1));
    if (!proposal || !file || file.status === "deleted") {
      return { text: "", places: [] };
    }
    const rejected = this.list("rejected", proposal.id);
    let text = "";
    try {
      const document = await vscode.workspace.openTextDocument(source(proposal, file));
      text = document.getText().replaceAll("\r\n", "\n");
    } catch {
      // one that does not exist yet
    }
    return applied(text, file.hunks ?? [], (hunk) => !rejected.includes(named(file.path, hunk.index)));
  }

  private sides(proposal: Proposal, file: ProposedFile): [vscode.Uri, vscode.Uri, vscode.Uri] {
    const target = vscode.Uri.file(path.join(proposal.workspace, file.path));
    const right = vscode.Uri.from({ scheme: SCHEME, path: `/${file.path}`, query: proposal.id });
    const fresh = file.status === "added" && !file.hunks?.some((hunk) => hunk.accepted);
    return [target, fresh ? right.with({ fragment: EMPTY }) : source(proposal, file), right];
  }

  private redraw(uri: vscode.Uri): void {
    for (const document of vscode.workspace.textDocuments) {
      const proposal = document.uri.scheme === SCHEME ? this.known.get(document.uri.query) : undefined;
      if (proposal && uri.path.endsWith(document.uri.path)) {
        this.edited.fire(document.uri);
      }
    }
  }

  private shown(proposal: Proposal, file: ProposedFile): ShownFile {
    const rejected = this.list("rejected", proposal.id);
    const gone = proposal.state === "rejected";
    const decided = (accepted: boolean, name: string): Decision =>
      accepted ? "accepted" : gone || rejected.includes(name) ? "rejected" : "open";
    const hunks = (file.hunks ?? []).map((hunk) => ({
      index: hunk.index,
      header: hunk.header,
      text: hunk.text,
      decision: decided(hunk.accepted ?? false, named(file.path, hunk.index)),
    }));
    const whole = decided(proposal.state === "accepted", file.path);
    const some = (decision: Decision) => hunks.some((hunk) => hunk.decision === decision);
    const decision = !hunks.length ? whole : some("open") ? "open" : some("accepted") ? "accepted" : "rejected";
    const { path: name, status, old_path: oldPath = null, added = 0, removed = 0 } = file;
    return { path: name, status, oldPath, added, removed, hunks, decision };
  }

  /** What of `part` is still open, as the daemon wants it named; nothing where that is the whole proposal. */
  private parts(proposal: Proposal, part: Part, always = false): Pick<AcceptParams, "files" | "hunks"> {
    const files = proposal.files.map((file) => this.shown(proposal, file)).filter((file) => !part.path || file.path === part.path);
    if (!always && !part.path && !this.list("rejected", proposal.id).length) {
      return {};
    }
    const open = files.flatMap((file) =>
      file.hunks
        .filter((hunk) => hunk.decision === "open" && (part.hunk === undefined || hunk.index === part.hunk))
        .map((hunk) => ({ path: file.path, index: hunk.index })),
    );
    return { files: files.filter((file) => !file.hunks.length && file.decision === "open").map((file) => file.path), hunks: open };
  }

  private async settled(proposal: Proposal, outcome: OutcomeResult, failed: string): Promise<void> {
    tell(outcome, failed);
    await this.fetch(proposal.id);
    await this.closeDecided(proposal);
  }

  /** A diff editor of a file that nothing is left to decide of has nothing more to show. */
  private async closeDecided(proposal: Proposal): Promise<void> {
    const decided = this.card(proposal.id)?.files.filter((file) => file.decision !== "open").map((file) => `/${file.path}`);
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ input }) => {
      const shown = input instanceof vscode.TabInputTextDiff ? input.modified : undefined;
      return shown?.scheme === SCHEME && shown.query === proposal.id && decided?.includes(shown.path);
    });
    await vscode.window.tabGroups.close(tabs);
  }

  private list(what: "applied" | "rejected", id: string): readonly string[] {
    return this.kept.get<Record<string, readonly string[]>>(what, {})[id] ?? [];
  }

  private async keep(what: "applied" | "rejected", id: string, values: readonly string[]): Promise<void> {
    const known = this.kept.get<Record<string, readonly string[]>>(what, {});
    const newest = Object.entries({ ...known, [id]: values }).slice(-200);
    await this.kept.update(what, Object.fromEntries(newest));
  }
}

function source(proposal: Proposal, file: ProposedFile): vscode.Uri {
  const moved = file.status === "renamed" && proposal.state !== "accepted" ? file.old_path : null;
  return vscode.Uri.file(path.join(proposal.workspace, moved ?? file.path));
}

function named(file: string, hunk: number): string {
  return `${file}#${hunk}`;
}

function tell(outcome: OutcomeResult, failed: string): void {
  const refused = (outcome.refused ?? []).map(({ path: file, reason, near }) => {
    const lines = near?.length ? ` (line ${near.slice(0, 5).join(", ")})` : "";
    return `${file ? `${file}: ` : ""}${reason}${lines}`;
  });
  if (refused.length) {
    void vscode.window.showErrorMessage(`${failed}. ${refused.join("; ")}`);
  }
  if (outcome.notes?.length) {
    void vscode.window.showInformationMessage(outcome.notes.join("; "));
  }
}
