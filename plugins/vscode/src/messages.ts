// What the extension and its webview say to each other. The state is the extension's; the webview draws it.

export interface Chip {
  readonly key: string;
  readonly label: string;
  readonly title: string;
}

export type Decision = "open" | "accepted" | "rejected";

export interface ShownHunk {
  readonly index: number;
  readonly header: string;
  readonly text: string;
  readonly decision: Decision;
}

/** `hunks` empty: it is decided as a whole. */
export interface ShownFile {
  readonly path: string;
  readonly status: string;
  readonly oldPath: string | null;
  readonly added: number;
  readonly removed: number;
  readonly hunks: readonly ShownHunk[];
  readonly decision: Decision;
}

/** `undo`: something of it was accepted and can be taken back. */
export interface Card {
  readonly id: string;
  readonly badge: string;
  readonly verdict: string;
  readonly state: string;
  readonly files: readonly ShownFile[];
  readonly undo: boolean;
}

export interface ShownTurn {
  readonly key: string;
  readonly prompt: string;
  readonly attached: readonly string[];
  readonly text: string;
  readonly line: string;
  readonly running: boolean;
  readonly reason: string;
  readonly card: Card | null;
}

/** What stands around the turns. `trouble`: why nothing can be asked, "" when it can. */
export interface Frame {
  readonly build: string;
  readonly status: string;
  readonly chips: readonly Chip[];
  readonly current: boolean;
  readonly running: boolean;
  readonly trouble: string;
}

export type ToWebview =
  | { readonly type: "turns"; readonly turns: readonly ShownTurn[] }
  | { readonly type: "turn"; readonly turn: ShownTurn }
  | { readonly type: "frame"; readonly frame: Frame }
  | { readonly type: "focus" };

export type FromWebview =
  | { readonly type: "ready" }
  | { readonly type: "send"; readonly prompt: string }
  | { readonly type: "cancel" }
  | { readonly type: "attach"; readonly what: "current" | "file" }
  | { readonly type: "detach"; readonly key: string }
  | {
      readonly type: "decide";
      readonly proposal: string;
      readonly decision: "accept" | "reject";
      readonly path?: string;
      readonly hunk?: number;
    }
  | { readonly type: "undo"; readonly proposal: string }
  | { readonly type: "diff"; readonly proposal: string; readonly path?: string };
