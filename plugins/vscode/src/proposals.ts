// Proposals: accepting, rejecting and undoing them, and the diff editors that show them.
import * as path from "node:path";
import * as vscode from "vscode";

import { applied, type Place } from "./applied";
import type { Daemon } from "./daemon";
import { left, named, ofFile, ofHunk } from "./decisions";
import type { Card, Part } from "./messages";
import type { OutcomeResult, ProposedFile, Proposal } from "./protocol";

export const SCHEME = "aid-proposed";
const EMPTY = "empty";
const KEPT = 200;

export class Proposals implements vscode.TextDocumentContentProvider {
  readonly changed = new vscode.EventEmitter<void>();
  private readonly edited = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.edited.event;
  private readonly known = new Map<string, Proposal>();

  /** `kept` holds what the daemon doesn't know: what was rejected in part, and by which ids each is undone. */
  constructor(
    private readonly daemon: Daemon,
    private readonly kept: vscode.Memento,
    subscriptions: vscode.Disposable[],
  ) {
    subscriptions.push(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.workspace.onDidChangeTextDocument(({ document: { uri } }) => {
        if (uri.scheme !== SCHEME) {
          this.redraw((shown) => shown.path === uri.path);
        }
      }),
    );
  }

  put(proposal: Proposal): string {
    this.known.set(proposal.id, proposal);
    this.changed.fire();
    this.redraw((shown) => shown.query === proposal.id);
    return proposal.id;
  }

  /** Ask the daemon for it anew; where it was forgotten, it is no longer shown. */
  async fetch(id: string): Promise<void> {
    try {
      this.put(await this.daemon.request("aid/proposal", { id }));
    } catch {
      this.known.delete(id);
    }
  }

  card(id: string): Card | null {
    const proposal = this.known.get(id);
    return proposal ? { proposal, rejected: this.list("rejected", id) } : null;
  }

  async accept(id: string, part: Part): Promise<void> {
    const card = this.card(id);
    if (!card) {
      return;
    }
    const { files, hunks } = left(card, part);
    if (!files.length && !hunks.length) {
      return; // naming no part would mean everything
    }
    const some = part.path || card.rejected.length ? { files, hunks } : {};
    const outcome = await this.daemon.request("aid/accept", { id, through_editor: true, ...some });
    if (outcome.applied) {
      await this.keep("applied", id, [...this.list("applied", id), outcome.applied]);
    }
    await this.settled(id, outcome);
  }

  async reject(id: string, part: Part): Promise<void> {
    const card = this.card(id);
    if (!card) {
      return;
    }
    const { files, hunks } = left(card, part);
    const names = [...files, ...hunks.map((hunk) => named(hunk.path, hunk.index))];
    await this.keep("rejected", id, [...new Set([...card.rejected, ...names])]);
    const now = { ...card, rejected: this.list("rejected", id) };
    const { files: all, state = "open" } = card.proposal;
    if (state === "open" && all.every((file) => ofFile(now, file) === "rejected")) {
      await this.daemon.request("aid/reject", { id });
      await this.fetch(id);
    } else {
      this.put(card.proposal);
    }
    await this.closeDecided(id);
  }

  /** Take back what was accepted last, of the proposal or of all that was accepted in `root`. */
  async undo(root: string, id?: string): Promise<void> {
    const last = id ? this.list("applied", id).at(-1) : undefined;
    const outcome = await this.daemon.request("aid/undo", { workspace: root, id: last ?? null, through_editor: true });
    const undone = outcome.proposal ?? id;
    if (undone) {
      await this.keep("applied", undone, this.list("applied", undone).filter((each) => each !== outcome.applied));
      await this.settled(undone, outcome);
    }
  }

  /** One file beside what it would become, or all of them. */
  async show(id: string, only?: string): Promise<void> {
    const proposal = this.known.get(id);
    const files = proposal?.files.filter((file) => !only || file.path === only) ?? [];
    const sides = proposal ? files.map((file) => this.sides(proposal, file)) : [];
    const [first] = sides;
    if (only && first) {
      const title = `${path.basename(only)}: as proposed`;
      await vscode.commands.executeCommand("vscode.diff", first[1], first[2], title, { preview: true });
    } else if (first) {
      await vscode.commands.executeCommand("vscode.changes", "AID: as proposed", sides);
    }
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    return uri.fragment === EMPTY ? "" : (await this.proposed(uri)).text;
  }

  /** The proposal and its part that the cursor is in, in a document of ours. */
  async partAt({ document, selection }: vscode.TextEditor): Promise<{ id: string; part: Part } | null> {
    const { file, places } = await this.proposed(document.uri);
    const place = places.findLast((each) => each.first <= selection.active.line) ?? places[0];
    return file ? { id: document.uri.query, part: { path: file.path, hunk: place?.index } } : null;
  }

  private async proposed(uri: vscode.Uri): Promise<{ text: string; places: Place[]; file?: ProposedFile }> {
    const card = this.card(uri.query);
    const file = card?.proposal.files.find((each) => side(card.proposal, each.path).path === uri.path);
    if (!card || !file || file.status === "deleted") {
      return { text: "", places: [], ...(file && { file }) };
    }
    let text = "";
    try {
      const document = await vscode.workspace.openTextDocument(source(card.proposal, file));
      text = document.getText().replaceAll("\r\n", "\n");
    } catch {
      // one that does not exist yet
    }
    return { ...applied(text, file.hunks ?? [], ({ index }) => ofHunk(card, file, index) === "open"), file };
  }

  private sides(proposal: Proposal, file: ProposedFile): [vscode.Uri, vscode.Uri, vscode.Uri] {
    const right = side(proposal, file.path);
    const fresh = file.status === "added" && !file.hunks?.some((hunk) => hunk.accepted);
    return [vscode.Uri.file(right.fsPath), fresh ? right.with({ fragment: EMPTY }) : source(proposal, file), right];
  }

  private redraw(which: (uri: vscode.Uri) => boolean): void {
    const shown = vscode.workspace.textDocuments.map((document) => document.uri);
    shown.filter((uri) => uri.scheme === SCHEME && which(uri)).forEach((uri) => this.edited.fire(uri));
  }

  private async settled(id: string, outcome: OutcomeResult): Promise<void> {
    tell(outcome);
    await this.fetch(id);
    await this.closeDecided(id);
  }

  /** A diff editor of a file that nothing is left to decide of has nothing more to show. */
  private async closeDecided(id: string): Promise<void> {
    const card = this.card(id);
    const files = card?.proposal.files.filter((file) => ofFile(card, file) !== "open") ?? [];
    const decided = files.map((file) => card && side(card.proposal, file.path).toString());
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ input }) => {
      return input instanceof vscode.TabInputTextDiff && decided.includes(input.modified.toString());
    });
    await vscode.window.tabGroups.close(tabs);
  }

  private list(what: "applied" | "rejected", id: string): readonly string[] {
    return this.kept.get<Record<string, readonly string[]>>(what, {})[id] ?? [];
  }

  private async keep(what: "applied" | "rejected", id: string, values: readonly string[]): Promise<void> {
    const { [id]: _, ...others } = this.kept.get<Record<string, readonly string[]>>(what, {});
    await this.kept.update(what, Object.fromEntries([...Object.entries(others), [id, values]].slice(-KEPT)));
  }
}

/** The file that a change is made to. */
function source(proposal: Proposal, file: ProposedFile): vscode.Uri {
  const former = proposal.state === "accepted" ? null : file.old_path;
  return vscode.Uri.file(path.join(proposal.workspace, former ?? file.path));
}

/** The document that shows what becomes of a file; its path is the file's, so that the two are seen as one. */
function side(proposal: Proposal, file: string): vscode.Uri {
  return vscode.Uri.file(path.join(proposal.workspace, file)).with({ scheme: SCHEME, query: proposal.id });
}

function tell(outcome: OutcomeResult): void {
  if (outcome.refused?.length) {
    void vscode.window.showErrorMessage(`AID: ${outcome.line}`);
  } else if (outcome.notes?.length) {
    void vscode.window.showInformationMessage(`AID: ${outcome.line}`);
  }
}
