// What goes along with a prompt: the current file or the selection in it, and what the person adds.
import * as path from "node:path";
import * as vscode from "vscode";

import type { Chip } from "./messages";
import type { FileRef } from "./protocol";

const CURRENT = "current";

export class Attached {
  readonly changed = new vscode.EventEmitter<void>();
  /** Whether the current file goes along. */
  current = true;
  private readonly added = new Map<string, FileRef>();

  constructor(subscriptions: vscode.Disposable[]) {
    subscriptions.push(
      vscode.window.onDidChangeActiveTextEditor(() => this.changed.fire()),
      vscode.window.onDidChangeTextEditorSelection(() => this.changed.fire()),
    );
  }

  chips(): Chip[] {
    return [...this.refs()].map(([key, file]) => {
      const what = key !== CURRENT ? "" : file.first ? ", the selection" : ", the current file";
      return { key, label: path.basename(label(file)), title: `${label(file)}${what}` };
    });
  }

  files(): FileRef[] {
    return [...this.refs().values()];
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

  /** Nothing but the current file. */
  reset(): void {
    this.added.clear();
    this.attachCurrent();
  }

  /** Let the person choose files of the workspace. */
  async pick(): Promise<void> {
    const found = await vscode.workspace.findFiles("**/*", undefined, 5000);
    const items = found.map(({ fsPath }) => ({ label: vscode.workspace.asRelativePath(fsPath), path: fsPath }));
    items.sort((a, b) => a.label.localeCompare(b.label));
    const options = { canPickMany: true, title: "Files that go along with what you ask" } as const;
    for (const { path: file } of (await vscode.window.showQuickPick(items, options)) ?? []) {
      this.add({ path: file });
    }
  }

  private refs(): Map<string, FileRef> {
    const here = this.current ? currentRef() : undefined;
    return here ? new Map([[CURRENT, here], ...this.added]) : this.added;
  }
}

/** A range of a document as lines, from one; the whole file where it is empty. */
export function fileRef(uri: vscode.Uri, range?: vscode.Range): FileRef {
  if (!range || range.isEmpty) {
    return { path: uri.fsPath };
  }
  const { start, end } = range; // up to a line's beginning, that line isn't meant
  return { path: uri.fsPath, first: start.line + 1, last: end.line + (end.character ? 1 : 0) };
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
