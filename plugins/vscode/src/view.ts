// The webview of the sidebar: its page, what it is told and what it asks for.
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

import type { Attached } from "./attached";
import { said, type Daemon } from "./daemon";
import type { Frame, FromWebview, ShownTurn, ToWebview } from "./messages";
import type { Proposals } from "./proposals";
import type { Session, Turn } from "./session";

const DRAW_EVERY_MS = 50;

export class ChatView implements vscode.WebviewViewProvider {
  private view: vscode.WebviewView | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Turns as the page has them, by key. */
  private readonly sent = new Map<string, string>();
  private ready = false;
  private focusing = false;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly daemon: Daemon,
    private readonly session: Session,
    private readonly proposals: Proposals,
    private readonly attached: Attached,
    private readonly act: (asked: FromWebview) => Promise<void>,
    subscriptions: vscode.Disposable[],
  ) {
    subscriptions.push(
      ...[session.changed, attached.changed, daemon.turned, proposals.changed].map((each) => each.event(this.later)),
      vscode.window.registerWebviewViewProvider("aid.chat", this),
    );
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const out = vscode.Uri.joinPath(this.extension, "out");
    const media = vscode.Uri.joinPath(this.extension, "media");
    this.view = view;
    view.webview.options = { enableScripts: true, localResourceRoots: [out, media] };
    view.webview.onDidReceiveMessage((asked: FromWebview) => this.hear(asked));
    view.onDidDispose(() => Object.assign(this, { view: undefined, ready: false }));
    view.onDidChangeVisibility(() => (this.ready &&= view.visible)); // hidden, its page is gone
    const script = view.webview.asWebviewUri(vscode.Uri.joinPath(out, "webview.js"));
    const style = view.webview.asWebviewUri(vscode.Uri.joinPath(media, "chat.css"));
    view.webview.html = page(script.toString(), style.toString());
  }

  /** Show it, with the cursor where one writes. */
  async focus(): Promise<void> {
    this.focusing = true;
    await vscode.commands.executeCommand("aid.chat.focus");
    this.flush();
  }

  private async hear(asked: FromWebview): Promise<void> {
    if (asked.type !== "ready") {
      return this.act(asked).catch((error: unknown) => void vscode.window.showErrorMessage(`AID: ${said(error)}`));
    }
    this.ready = true;
    this.sent.clear();
    this.flush();
  }

  private readonly later = (): void => {
    this.timer ??= setTimeout(() => this.flush(), DRAW_EVERY_MS);
  };

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.ready) {
      return;
    }
    const changed = [];
    for (const turn of this.session.turns.map((each) => this.shown(each))) {
      const fresh = JSON.stringify(turn);
      if (this.sent.get(turn.key) !== fresh) {
        this.sent.set(turn.key, fresh);
        changed.push(turn);
      }
    }
    this.post({ type: "turns", keys: this.session.turns.map((turn) => turn.key), changed });
    this.post({ type: "frame", frame: this.frame() });
    if (this.focusing) {
      this.post({ type: "focus" });
      this.focusing = false;
    }
  }

  private frame(): Frame {
    const { build, busy } = this.session;
    return {
      build: build?.badge ?? "",
      status: build?.status ?? "unchecked",
      chips: this.attached.chips(),
      current: this.attached.current,
      running: Boolean(busy),
      trouble: this.daemon.trouble,
    };
  }

  private shown({ proposal, ...turn }: Turn): ShownTurn {
    return { ...turn, card: this.proposals.known.get(proposal ?? "") ?? null };
  }

  private post(message: ToWebview): void {
    void this.view?.webview.postMessage(message);
  }
}

function page(script: string, style: string): string {
  const nonce = randomBytes(16).toString("base64");
  const own = `script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'`;
  const policy = `default-src 'none'; ${own}; base-uri 'none'; form-action 'none'`;
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>AID chat</title>
<link rel="stylesheet" nonce="${nonce}" href="${style}">
<p id="build" role="status" aria-label="Build"></p>
<main id="turns" role="log" aria-label="Chat" tabindex="0"></main>
<form id="ask" aria-label="Ask AID">
<ul id="chips" aria-label="What goes along"></ul>
<textarea id="prompt" rows="3" aria-label="What is to be changed" placeholder="What is to be changed? Enter sends.">
</textarea>
<div class="row">
<button type="button" id="file" class="quiet">Add file…</button><button type="submit" id="send">Send</button>
</div>
</form>
<script nonce="${nonce}" src="${script}"></script>
</html>`;
}
