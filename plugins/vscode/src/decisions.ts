// What was decided of each part of a proposal. Pure; the extension and its webview both ask.
import type { Card, Part } from "./messages";
import type { AcceptParams, ProposedFile } from "./protocol";

export type Decision = "open" | "accepted" | "rejected";

/** What a rejected part is remembered by; a file without hunks is one part. */
export function named(path: string, hunk?: number): string {
  return hunk === undefined ? path : `${path}#${hunk}`;
}

export function ofHunk({ proposal, rejected }: Card, file: ProposedFile, index: number): Decision {
  const accepted = file.hunks?.find((hunk) => hunk.index === index)?.accepted;
  const dropped = proposal.state === "rejected" || rejected.includes(named(file.path, index));
  return accepted ? "accepted" : dropped ? "rejected" : "open";
}

export function ofFile(card: Card, file: ProposedFile): Decision {
  if (!file.hunks?.length) {
    const dropped = card.proposal.state === "rejected" || card.rejected.includes(named(file.path));
    return card.proposal.state === "accepted" ? "accepted" : dropped ? "rejected" : "open";
  }
  const found = file.hunks.map((hunk) => ofHunk(card, file, hunk.index));
  return found.includes("open") ? "open" : found.includes("accepted") ? "accepted" : "rejected";
}

/** What of `part` may be accepted; a hunk that is named may have been rejected before. */
export function left(card: Card, part: Part): Required<Pick<AcceptParams, "files" | "hunks">> {
  const files = card.proposal.files.filter((file) => !part.path || file.path === part.path);
  const wanted = (file: ProposedFile, index: number) => {
    const decision = ofHunk(card, file, index);
    return part.hunk === undefined ? decision === "open" : part.hunk === index && decision !== "accepted";
  };
  return {
    files: files.filter((file) => !file.hunks?.length && ofFile(card, file) === "open").map((file) => file.path),
    hunks: files.flatMap((file) =>
      (file.hunks ?? []).filter(({ index }) => wanted(file, index)).map(({ index }) => ({ path: file.path, index })),
    ),
  };
}
