// One turn of the chat: what was asked, the answer, and its proposal as a tree of folders, files and hunks.
import type { Card, FromWebview, ShownFile, ShownHunk, ShownTurn } from "../messages";
import { element } from "./element";
import { markdown } from "./markdown";

export type Post = (message: FromWebview) => void;
const MARKS: Record<string, string> = { added: "A", deleted: "D", modified: "M", renamed: "R" };
const DECIDED: Record<string, string> = {
  open: "",
  partly: "accepted in part",
  accepted: "accepted",
  rejected: "rejected",
  undone: "taken back",
  decided: "decided",
};

export function drawTurn(turn: ShownTurn, post: Post): HTMLElement {
  const attached = turn.attached.length ? element("p", { class: "attached" }, `with ${turn.attached.join(", ")}`) : null;
  const question = element("div", { class: "question" }, element("h2", { class: "hidden" }, "You asked"), element("p", {}, turn.prompt), attached);
  const key = { "data-key": turn.key, tabindex: "-1" };
  return element(
    "article",
    { class: "turn", "aria-busy": turn.running ? "true" : "false", ...key },
    turn.prompt && question,
    element("h2", { class: "hidden" }, "AID answered"),
    turn.text && markdown(turn.text),
    turn.card && drawCard(turn.card, post),
    turn.reason && element("p", { class: "reason" }, turn.reason),
    turn.running && drawProgress(turn, post),
  );
}

function drawProgress(turn: ShownTurn, post: Post): HTMLElement {
  const cancel = button("Cancel", "Cancel this answer", `${turn.key} cancel`, () => post({ type: "cancel" }), "quiet");
  return element("div", { class: "row progress" }, element("span", { class: "line" }, turn.line), cancel);
}

function drawCard(card: Card, post: Post): HTMLElement {
  const open = card.files.some((file) => file.decision === "open") && card.state !== "rejected";
  const decide = (decision: "accept" | "reject") => () => post({ type: "decide", proposal: card.id, decision });
  const rows: HTMLElement[] = [];
  let folder = "";
  for (const file of [...card.files].sort((a, b) => a.path.localeCompare(b.path))) {
    const within = file.path.slice(0, file.path.lastIndexOf("/") + 1);
    if (within !== folder) {
      rows.push(element("li", { class: "folder" }, within));
      folder = within;
    }
    rows.push(element("li", { class: within ? "nested" : "" }, drawFile(card, file, post)));
  }
  const state = DECIDED[card.state] ?? card.state;
  return element(
    "section",
    { class: "card", "aria-label": "Proposal" },
    element("p", { class: `badge ${card.verdict}` }, element("span", { class: "mark", "aria-hidden": "true" }), card.badge, state && element("span", { class: "state" }, state)),
    element("ul", { class: "files", "aria-label": "Files" }, ...rows),
    element(
      "div",
      { class: "row" },
      open && button("Accept all", "Accept all of the proposal", `${card.id} accept`, decide("accept")),
      open && button("Reject all", "Reject all of the proposal", `${card.id} reject`, decide("reject"), "quiet"),
      card.undo && button("Undo", "Take back what was accepted last of this proposal", `${card.id} undo`, () => post({ type: "undo", proposal: card.id }), "quiet"),
      button("Show all diffs", "Show all files beside what they would become", `${card.id} diff`, () => post({ type: "diff", proposal: card.id }), "quiet"),
    ),
  );
}

function drawFile(card: Card, file: ShownFile, post: Post): HTMLElement {
  const name = file.path.slice(file.path.lastIndexOf("/") + 1);
  const key = `${card.id} ${file.path}`;
  const decide = (decision: "accept" | "reject", hunk?: number) => () =>
    post({ type: "decide", proposal: card.id, decision, path: file.path, ...(hunk === undefined ? {} : { hunk }) });
  const counts = [
    element("span", { class: "added", "aria-label": `${file.added} lines added` }, `+${file.added}`),
    element("span", { class: "removed", "aria-label": `${file.removed} lines removed` }, `−${file.removed}`),
  ];
  const title = file.oldPath ? `${file.oldPath} → ${file.path}` : file.path;
  const summary = element(
    "summary",
    { title, "data-key": `${key} summary` },
    element("span", { class: `status ${file.status}`, title: file.status, "aria-label": file.status }, MARKS[file.status] ?? "M"),
    element("span", { class: "name" }, name),
    ...counts,
    file.decision !== "open" && element("span", { class: "state" }, file.decision),
  );
  const open = file.decision === "open";
  const actions = element(
    "div",
    { class: "row actions" },
    button("Diff", `Show ${file.path} beside what it would become`, `${key} diff`, () => post({ type: "diff", proposal: card.id, path: file.path }), "quiet"),
    open && button("Accept file", `Accept ${file.path}`, `${key} accept`, decide("accept"), "quiet"),
    open && button("Reject file", `Reject the changes of ${file.path}`, `${key} reject`, decide("reject"), "quiet"),
  );
  const hunks = file.hunks.map((hunk) => drawHunk(key, file, hunk, decide));
  return element("details", { "data-key": key, class: "file", open: true }, summary, actions, ...hunks);
}

function drawHunk(key: string, file: ShownFile, hunk: ShownHunk, decide: (decision: "accept" | "reject", hunk: number) => () => void): HTMLElement {
  const which = `change ${hunk.index + 1} of ${file.hunks.length} in ${file.path}`;
  const lines = hunk.text.replace(/\n$/, "").split("\n").map((line) => {
    const kind = line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "same";
    return element("span", { class: kind }, line);
  });
  const many = file.hunks.length > 1 && hunk.decision === "open";
  return element(
    "div",
    { class: `hunk ${hunk.decision}`, role: "group", "aria-label": which },
    element(
      "div",
      { class: "row" },
      element("code", { class: "header" }, hunk.header),
      hunk.decision !== "open" && file.hunks.length > 1 && element("span", { class: "state" }, hunk.decision),
      many && button("Accept", `Accept ${which}`, `${key} ${hunk.index} accept`, decide("accept", hunk.index), "quiet"),
      many && button("Reject", `Reject ${which}`, `${key} ${hunk.index} reject`, decide("reject", hunk.index), "quiet"),
    ),
    element("pre", { tabindex: "0" }, ...lines),
  );
}

export function button(label: string, described: string, key: string, pressed: () => void, kind = ""): HTMLButtonElement {
  const made = element("button", { type: "button", class: kind, title: described, "aria-label": described, "data-key": key }, label);
  made.addEventListener("click", pressed);
  return made;
}
