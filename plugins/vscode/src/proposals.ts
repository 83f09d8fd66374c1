// Proposals: accepting, rejecting and undoing them, and the diff editors that show them.
import * as path from "node:path";
import * as vscode from "vscode";

import type { Daemon } from "./daemon";
import { ofFile } from "./decisions";
import type { Part } from "./messages";
import type { AcceptParams, OutcomeResult, ProposedFile, ProposedText, Proposal } from "./protocol";

export const SCHEME = "aid-proposed";
const EMPTY = "empty";

export class Proposals implements vscode.TextDocumentContentProvider {
  readonly changed = new vscode.EventEmitter<void>();
  private readonly edited = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.edited.event;
  /** As the daemon told of them last, by id. */
  readonly known = new Map<string, Proposal>();

  constructor(
    private readonly daemon: Daemon,
    subscriptions: vscode.Disposable[],
  ) {
    subscriptions.push(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      daemon.typed.event((uri) => this.redraw((shown) => shown.path === uri.path)),
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

  async accept(id: string, part: Part): Promise<void> {
    const params = { id, through_editor: true, ...named(part) };
    await this.settled(id, await this.daemon.request("aid/accept", params));
  }

  async reject(id: string, part: Part): Promise<void> {
    await this.settled(id, await this.daemon.request("aid/reject", { id, ...named(part) }));
  }

  /** Take back what was accepted last, of the proposal or of all that was accepted in `root`. */
  async undo(root: string, proposal: string | null = null): Promise<void> {
    const workspace = this.known.get(proposal ?? "")?.workspace ?? root;
    const outcome = await this.daemon.request("aid/undo", { workspace, proposal, through_editor: true });
    await this.settled(outcome.proposal ?? proposal, outcome);
  }

  /** One file beside what it would become, or all of them. */
  async show(id: string, only?: string): Promise<void> {
    const proposal = this.known.get(id);
    const files = proposal?.files.filter((file) => !only || file.path === only) ?? [];
    const sides = proposal ? files.map((file) => this.sides(proposal, file)) : [];
    const [first] = sides;
    const { files: texts = [] } = await this.daemon.request("aid/proposed", { id });
    const refused = texts.flatMap(({ path: file, reason }) => (reason ? [`${file}: ${reason}`] : []));
    if (refused.length) {
      void vscode.window.showErrorMessage(`AID: not shown as proposed: ${refused.join("; ")}`);
    }
    if (only && first) {
      const title = `${path.basename(only)}: as proposed`;
      await vscode.commands.executeCommand("vscode.diff", first[1], first[2], title, { preview: true });
    } else if (first) {
      await vscode.commands.executeCommand("vscode.changes", "AID: as proposed", sides);
    }
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const found: ProposedText | undefined = uri.fragment === EMPTY ? { path: "" } : await this.proposed(uri);
    if (found && !found.reason) {
      return found.text ?? "";
    }
    try {
      return (await vscode.workspace.openTextDocument(uri.fsPath)).getText();
    } catch {
      return ""; // one that does not exist yet
    }
  }

  /** The proposal and its part that the cursor is in, in a document of ours. */
  async partAt({ document, selection }: vscode.TextEditor): Promise<{ id: string; part: Part } | null> {
    const file = await this.proposed(document.uri);
    const places = file?.places ?? [];
    const place = places.findLast(({ line }) => line <= selection.active.line + 1) ?? places[0];
    return file ? { id: document.uri.query, part: { path: file.path, hunk: place?.index } } : null;
  }

  /** What the daemon says of a document of ours; `undefined` where nothing of it is left to decide. */
  private async proposed(uri: vscode.Uri): Promise<ProposedText | undefined> {
    const proposal = this.known.get(uri.query);
    const { files = [] } = proposal ? await this.daemon.request("aid/proposed", { id: proposal.id }) : {};
    return files.find((file) => proposal && side(proposal, file.path).path === uri.path);
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

  private async settled(id: string | null, outcome: OutcomeResult): Promise<void> {
    tell(outcome);
    if (id) {
      await this.fetch(id);
      await this.closeDecided(id);
    }
  }

  /** A diff editor of a file that nothing is left to decide of has nothing more to show. */
  private async closeDecided(id: string): Promise<void> {
    const proposal = this.known.get(id);
    const files = proposal?.files.filter((file) => ofFile(file) !== "open") ?? [];
    const decided = files.map((file) => proposal && side(proposal, file.path).toString());
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ input }) => {
      return input instanceof vscode.TabInputTextDiff && decided.includes(input.modified.toString());
    });
    await vscode.window.tabGroups.close(tabs);
  }
}

/** A part, as the daemon has it named; nothing named is all. */
function named({ path: file, hunk }: Part): Pick<AcceptParams, "files" | "hunks"> {
  return file && hunk !== undefined ? { hunks: [{ path: file, index: hunk }] } : { files: file ? [file] : [] };
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
