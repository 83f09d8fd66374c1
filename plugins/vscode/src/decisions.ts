// What was decided of each part of a proposal. Pure; the extension and its webview both ask.
import type { ProposedFile, ProposedHunk } from "./protocol";

export type Decision = "open" | "accepted" | "rejected";

export function ofHunk({ accepted, rejected }: ProposedHunk): Decision {
  return accepted ? "accepted" : rejected ? "rejected" : "open";
}

/** Open as long as something of it is. */
export function ofFile({ state = "open" }: ProposedFile): Decision {
  return state === "partly" ? "open" : state;
}
