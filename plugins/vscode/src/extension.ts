// Where everything is put together: the parts, the commands, the status bar.
import * as vscode from "vscode";

import { Attached, fileRef } from "./attached";
import { Daemon, said } from "./daemon";
import type { FromWebview } from "./messages";
import { Proposals, SCHEME } from "./proposals";
import type { PromptResult } from "./protocol";
import { currentRoot, Session } from "./session";
import { ChatView } from "./view";

const ICONS: Record<string, string> = { green: "$(pass)", red: "$(error)", running: "$(sync~spin)" };

class Extension {
  readonly daemon = new Daemon();
  private readonly attached: Attached;
  private readonly proposals: Proposals;
  private readonly session: Session;
  private readonly view: ChatView;
  private readonly status = vscode.window.createStatusBarItem("aid.status", vscode.StatusBarAlignment.Left, 10);

  constructor(private readonly context: vscode.ExtensionContext) {
    const { extensionUri, subscriptions, workspaceState } = context;
    const act = (asked: FromWebview) => this.act(asked);
    this.attached = new Attached(subscriptions);
    this.proposals = new Proposals(this.daemon, subscriptions);
    this.session = new Session(this.daemon, this.proposals, workspaceState, subscriptions);
    const { attached, daemon, proposals, session, status } = this;
    this.view = new ChatView(extensionUri, daemon, session, proposals, attached, act, subscriptions);
    Object.assign(status, { name: "AID", command: "aid.ask" });
    subscriptions.push(
      daemon.log,
      status,
      session.changed.event(() => this.drawStatus()),
      daemon.turned.event(() => this.drawStatus()),
      daemon.fixed.event((result) => this.fixed(result)),
      vscode.workspace.onDidChangeConfiguration(async (change) => {
        if (change.affectsConfiguration("aid.command") || change.affectsConfiguration("aid.enable")) {
          await daemon.stop();
          await this.start();
        }
      }),
    );
    this.register();
    this.drawStatus();
    this.status.show();
  }

  async start(): Promise<void> {
    if (!this.context.globalState.get("welcomed")) {
      await this.context.globalState.update("welcomed", true);
      await vscode.commands.executeCommand("aid.openWalkthrough");
    }
    await this.daemon.start();
    if (!this.daemon.trouble) {
      await this.session.resume().catch((error: unknown) => this.daemon.note("warning", said(error)));
    }
  }

  private register(): void {
    const decide = (decision: "accept" | "reject", whole: boolean) => async (uri?: vscode.Uri) => {
      const editors = vscode.window.visibleTextEditors.filter(({ document }) => document.uri.scheme === SCHEME);
      const editor = editors.find(({ document }) => document.uri.toString() === uri?.toString()) ?? editors[0];
      const found = editor && (await this.proposals.partAt(editor));
      if (found) {
        await this.proposals[decision](found.id, whole ? { path: found.part.path } : found.part);
      }
    };
    const commands: Record<string, (uri?: vscode.Uri) => unknown> = {
      "aid.ask": () => this.view.focus(),
      "aid.cancel": () => this.session.cancel(),
      "aid.editSelection": () => this.editSelection(),
      "aid.addSelection": () => this.add(vscode.window.activeTextEditor?.selection),
      "aid.addFile": (uri) => this.add(undefined, uri),
      "aid.newChat": () => (this.attached.reset(), this.session.begin()),
      "aid.openChat": () => this.openChat(),
      "aid.forgetChat": () => this.session.forget(),
      "aid.chooseModel": () => this.chooseModel(),
      "aid.showProposal": () => this.showProposal(),
      "aid.acceptHunk": decide("accept", false),
      "aid.rejectHunk": decide("reject", false),
      "aid.acceptFile": decide("accept", true),
      "aid.rejectFile": decide("reject", true),
      "aid.undoLast": () => this.proposals.undo(this.session.root),
      "aid.showLog": () => this.daemon.log.show(),
      "aid.openWalkthrough": () =>
        vscode.commands.executeCommand("workbench.action.openWalkthrough", `${this.context.extension.id}#start`, false),
    };
    for (const [name, run] of Object.entries(commands)) {
      const guarded = async (uri?: vscode.Uri) => {
        try {
          await run(uri);
        } catch (error) {
          void vscode.window.showErrorMessage(`AID: ${said(error)}`);
        }
      };
      this.context.subscriptions.push(vscode.commands.registerCommand(name, guarded));
    }
  }

  /** What the webview asks for. */
  private async act(asked: FromWebview): Promise<void> {
    switch (asked.type) {
      case "send": {
        const shown = this.attached.chips().map((chip) => chip.label);
        await this.session.ask({ prompt: asked.prompt, files: this.attached.files() }, shown);
        return;
      }
      case "cancel":
        return this.session.cancel();
      case "attachFile":
        return this.attached.pick();
      case "attachCurrent":
        return this.attached.attachCurrent();
      case "detach":
        return this.attached.remove(asked.key);
      case "accept":
      case "reject":
        return this.proposals[asked.type](asked.proposal, asked);
      case "undo":
        return this.proposals.undo(this.session.root, asked.proposal);
      case "diff":
        return this.proposals.show(asked.proposal, asked.path);
    }
  }

  private async editSelection(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor || editor.document.uri.scheme !== "file") {
      throw new Error("put the cursor into a file, and select the lines that are to change");
    }
    const { selection, document } = editor;
    const range = selection.isEmpty ? document.lineAt(selection.active).range : selection;
    const lines = fileRef(document.uri, range.isEmpty ? undefined : range);
    const where = `${vscode.workspace.asRelativePath(document.uri)}:${lines.first ?? 1}-${lines.last ?? 1}`;
    const title = `AID: edit ${where}`;
    const prompt = await vscode.window.showInputBox({ title, prompt: "How are these lines to change?" });
    if (!prompt?.trim()) {
      return;
    }
    const root = vscode.workspace.getWorkspaceFolder(document.uri)?.uri.fsPath ?? currentRoot();
    const asked = this.session.ask({ prompt, edit: lines, files: [lines] }, [where], root);
    const location = vscode.ProgressLocation.Notification;
    const result = await vscode.window.withProgress({ location, title, cancellable: true }, (progress, token) => {
      const told = this.session.changed.event(() => progress.report({ message: this.session.busy }));
      token.onCancellationRequested(() => this.session.cancel());
      return asked.finally(() => told.dispose());
    });
    if (result?.proposal) {
      const [only, ...others] = result.proposal.files;
      await this.proposals.show(result.proposal.id, others.length ? undefined : only?.path);
    } else if (result) {
      void vscode.window.showWarningMessage(`AID: ${result.reason ?? "the answer has no edits"}`);
    }
  }

  private async fixed(result: PromptResult): Promise<void> {
    if (!result.applied) {
      return result.proposal ? this.view.focus() : undefined;
    }
    const told = `AID: fixed, ${result.proposal?.badge ?? ""}`;
    if ((await vscode.window.showInformationMessage(told, "Undo")) && result.proposal) {
      await this.proposals.undo(result.proposal.workspace, result.proposal.id);
    }
  }

  private async add(range?: vscode.Range, uri = vscode.window.activeTextEditor?.document.uri): Promise<void> {
    if (uri?.scheme === "file") {
      this.attached.add(fileRef(uri, range));
      await this.view.focus();
    }
  }

  private async openChat(): Promise<void> {
    const workspace = currentRoot();
    const { chats = [] } = await this.daemon.request("aid/chats", { workspace });
    const items = chats.map(({ at, chat, title }) => {
      return { label: title, description: new Date(at * 1000).toLocaleString(), chat };
    });
    const chosen = await vscode.window.showQuickPick(items, { title: "AID: which chat?" });
    if (chosen) {
      await this.session.open(workspace, chosen.chat);
      await this.view.focus();
    }
  }

  private async chooseModel(): Promise<void> {
    const workspace = currentRoot();
    const { models } = await this.daemon.request("aid/models", { workspace });
    const items = models.map((model) => ({
      label: `${model.default ? "$(check) " : ""}${model.name}`,
      description: model.chosen ? `${model.backend}, chosen here` : model.backend,
      detail: model.detail || (model.ready === false ? "not ready" : ""),
      model: model.name,
    }));
    const chosen = await vscode.window.showQuickPick(items, { title: "AID: the model that is asked" });
    if (chosen) {
      await this.daemon.request("aid/setModel", { workspace, model: chosen.model });
    }
  }

  private async showProposal(): Promise<void> {
    const { proposals = [] } = await this.daemon.request("aid/proposals", { workspace: currentRoot() });
    const [newest] = proposals;
    if (!newest) {
      throw new Error("no proposal is open: ask first");
    }
    if (!this.session.turns.some((turn) => turn.proposal === newest.id)) {
      this.session.found({ id: newest.request, prompt: newest.summary ?? "", proposal: newest });
    }
    await this.proposals.show(newest.id);
  }

  private drawStatus(): void {
    const { trouble } = this.daemon;
    const { build, busy } = this.session;
    const told = trouble || busy || build?.badge || "ready";
    const state = busy ? "running" : (build?.status ?? "");
    const icon = trouble ? "$(circle-slash)" : (ICONS[state] ?? "$(circle-outline)");
    this.status.text = `${icon} AID${trouble ? "" : `: ${told}`}`;
    this.status.tooltip = `AID: ${told}`;
    this.status.accessibilityInformation = { label: `AID: ${told}`, role: "button" };
  }
}

let extension: Extension | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  extension = new Extension(context);
  await extension.start();
}

export async function deactivate(): Promise<void> {
  await extension?.daemon.stop();
}
