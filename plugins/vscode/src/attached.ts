// What goes along with a prompt: the current file or the selection in it, and what the person adds.
import * as path from "node:path";
import * as vscode from "vscode";

import type { Chip } from "./messages";
import type { FileRef } from "./protocol";

const CURRENT = "current";

export class Attached implements vscode.Disposable {
  readonly changed = new vscode.EventEmitter<void>();
  /** Whether the current file goes along. */
  current = true;
  private readonly added = new Map<string, FileRef>();
  private readonly disposables: vscode.Disposable[];

  constructor() {
    this.disposables = [
      vscode.window.onDidChangeActiveTextEditor(() => this.changed.fire()),
      vscode.window.onDidChangeTextEditorSelection(() => this.changed.fire()),
    ];
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables, this.changed).dispose();
  }

  chips(): Chip[] {
    const here = this.current ? currentRef() : undefined;
    const chips = [...this.added].map(([key, file]) => chip(key, file, ""));
    return here ? [chip(CURRENT, here, here.first ? "the selection" : "the current file"), ...chips] : chips;
  }

  files(): FileRef[] {
    const here = this.current ? currentRef() : undefined;
    return here ? [here, ...this.added.values()] : [...this.added.values()];
  }

  add(file: FileRef): void {
    this.added.set(label(file), file);
    this.changed.fire();
  }

  remove(key: string): void {
    if (key === CURRENT) {
      this.current = false;
    }
    this.added.delete(key);
    this.changed.fire();
  }

  attachCurrent(): void {
    this.current = true;
    this.changed.fire();
  }

  clear(): void {
    this.added.clear();
    this.attachCurrent();
  }

  /** Let the person choose files of the workspace. */
  async pick(): Promise<void> {
    const found = await vscode.workspace.findFiles("**/*", undefined, 5000);
    const items = found.map((uri) => ({ label: path.basename(uri.fsPath), description: vscode.workspace.asRelativePath(uri), uri }));
    items.sort((a, b) => a.description.localeCompare(b.description));
    const options = { canPickMany: true, matchOnDescription: true, title: "Files that go along with what you ask" } as const;
    for (const { uri } of (await vscode.window.showQuickPick(items, options)) ?? []) {
      this.add({ path: uri.fsPath });
    }
  }
}

/** A range of a document as lines, from one; the whole file without one. An end at a line's start is that of the line above. */
export function fileRef(uri: vscode.Uri, range?: vscode.Range): FileRef {
  if (!range || range.isEmpty) {
    return { path: uri.fsPath };
  }
  return { path: uri.fsPath, first: range.start.line + 1, last: range.end.line + (range.end.character ? 1 : 0) };
}

function currentRef(): FileRef | undefined {
  const { activeTextEditor: active, visibleTextEditors: visible } = vscode.window;
  const editor = [active, ...visible].find((each) => each?.document.uri.scheme === "file");
  return editor && fileRef(editor.document.uri, editor === active ? editor.selection : undefined);
}

function label(file: FileRef): string {
  const lines = file.first ? `:${file.first}${file.last === file.first ? "" : `-${file.last}`}` : "";
  return `${vscode.workspace.asRelativePath(file.path)}${lines}`;
}

function chip(key: string, file: FileRef, what: string): Chip {
  return { key, label: path.basename(label(file)), title: what ? `${label(file)}, ${what}` : label(file) };
}
