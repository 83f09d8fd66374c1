// What the extension and its webview say to each other. The state is the extension's; the webview draws it.
import type { Proposal } from "./protocol";

export type Chip = Readonly<Record<"key" | "label" | "title", string>>;

/** `text` is Markdown, `line` says how far an answer is, `reason` why there is no proposal. */
export interface ShownTurn {
  readonly key: string;
  readonly prompt: string;
  readonly attached: readonly string[];
  readonly text: string;
  readonly line: string;
  readonly running: boolean;
  readonly reason: string;
  readonly card: Proposal | null;
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

/** All turns by their keys, in order, and those that are new or not what they were. */
export type ToWebview =
  | { readonly type: "turns"; readonly keys: readonly string[]; readonly changed: readonly ShownTurn[] }
  | { readonly type: "frame"; readonly frame: Frame }
  | { readonly type: "focus" };

/** A part of a proposal: all of it, a file, or a hunk of that. */
export interface Part {
  readonly path?: string | undefined;
  readonly hunk?: number | undefined;
}

export type FromWebview =
  | { readonly type: "ready" | "cancel" | "attachCurrent" | "attachFile" }
  | { readonly type: "send"; readonly prompt: string }
  | { readonly type: "detach"; readonly key: string }
  | ({ readonly type: "accept" | "reject" | "diff" | "undo"; readonly proposal: string } & Part);
