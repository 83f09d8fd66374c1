// One turn of the chat: what was asked, the answer, and its proposal as a tree of folders, files and hunks.
import { ofFile, ofHunk } from "../decisions";
import type { FromWebview, ShownTurn } from "../messages";
import type { Proposal, ProposedFile, ProposedHunk } from "../protocol";
import { element } from "./element";
import { markdown } from "./markdown";

export type Post = (message: FromWebview) => void;
const MARKS = { added: "A", deleted: "D", modified: "M", renamed: "R" };
const STATES: Record<string, string> = { open: "", partly: "accepted in part", undone: "taken back" };

export function drawTurn(turn: ShownTurn, post: Post): HTMLElement {
  const attached = turn.attached.length > 0 && element("p", { class: "attached" }, `with ${turn.attached.join(", ")}`);
  const asked = element("div", { class: "question" }, heading("You asked"), element("p", {}, turn.prompt), attached);
  const busy = turn.running ? "true" : "false"; // told when it is whole, not at every word
  return element(
    "article",
    { class: "turn", "aria-busy": busy, "data-key": turn.key, tabindex: "-1" },
    turn.prompt && asked,
    heading("AID answered"),
    turn.text && markdown(turn.text),
    turn.card && drawCard(turn.card, post),
    turn.reason && element("p", { class: "reason" }, turn.reason),
    turn.running && element("p", { class: "line" }, turn.line),
  );
}

function drawCard(proposal: Proposal, post: Post): HTMLElement {
  const { id, badge, state = "open", verdict } = proposal;
  const rows: HTMLElement[] = [];
  let folder = "";
  for (const file of [...proposal.files].sort((a, b) => a.path.localeCompare(b.path))) {
    const within = file.path.slice(0, file.path.lastIndexOf("/") + 1);
    if (within !== folder) {
      rows.push(element("li", { class: "folder" }, within));
      folder = within;
    }
    rows.push(element("li", { class: within ? "nested" : "" }, drawFile(proposal, file, post)));
  }
  const open = proposal.files.some((file) => ofFile(file) === "open");
  const some = state === "accepted" || state === "partly";
  const act = (type: "accept" | "reject" | "undo" | "diff", label: string, described: string, kind = "quiet") =>
    button(label, described, `${id} ${type}`, () => post({ type, proposal: id }), kind);
  const mark = element("span", { class: "mark", "aria-hidden": "true" });
  return element(
    "section",
    { class: "card", "aria-label": "Proposal" },
    element("p", { class: `badge ${verdict.status}` }, mark, badge ?? "", " ", said(STATES[state] ?? state)),
    element("ul", { class: "files", "aria-label": "Files" }, ...rows),
    element(
      "div",
      { class: "row" },
      open && act("accept", "Accept all", "Accept all of the proposal", ""),
      open && act("reject", "Reject all", "Reject all of the proposal"),
      some && act("undo", "Undo", "Take back what was accepted last of this proposal"),
      act("diff", "Show all diffs", "Show all files beside what they would become"),
    ),
  );
}

function drawFile(proposal: Proposal, file: ProposedFile, post: Post): HTMLElement {
  const { added = 0, hunks = [], old_path: former, path, removed = 0, status } = file;
  const key = `${proposal.id} ${path}`;
  const decision = ofFile(file);
  const act = (type: "accept" | "reject" | "diff", label: string, described: string) =>
    button(label, described, `${key} ${type}`, () => post({ type, proposal: proposal.id, path }), "quiet");
  const told = `${path}, ${status}, ${added} lines added, ${removed} removed, ${decision}`;
  const summary = element(
    "summary",
    { title: former ? `${former} → ${path}` : path, "aria-label": told, "data-key": `${key} summary` },
    element("span", { class: `status ${status}` }, MARKS[status]),
    " ",
    element("span", { class: "name" }, path.slice(path.lastIndexOf("/") + 1)),
    " ",
    element("span", { class: "added" }, `+${added}`),
    " ",
    element("span", { class: "removed" }, `−${removed}`),
    " ",
    decision !== "open" && said(decision),
  );
  const actions = element(
    "div",
    { class: "row actions" },
    act("diff", "Diff", `Show ${path} beside what it would become`),
    decision === "open" && act("accept", "Accept file", `Accept ${path}`),
    decision === "open" && act("reject", "Reject file", `Reject the changes of ${path}`),
  );
  const shown = hunks.map((hunk) => drawHunk(proposal, file, hunk, post));
  return element("details", { "data-key": key, class: "file", open: "" }, summary, actions, ...shown);
}

function drawHunk(proposal: Proposal, file: ProposedFile, hunk: ProposedHunk, post: Post): HTMLElement {
  const { path, hunks = [] } = file;
  const which = `change ${hunk.index + 1} of ${hunks.length} in ${path}`;
  const decision = ofHunk(hunk);
  const many = hunks.length > 1; // else the file's buttons are its own
  const act = (type: "accept" | "reject", label: string) => {
    const pressed = () => post({ type, proposal: proposal.id, path, hunk: hunk.index });
    return button(label, `${label} ${which}`, `${proposal.id} ${path} ${hunk.index} ${type}`, pressed, "quiet");
  };
  const lines = hunk.text.replace(/\n$/, "").split("\n").map((line) => {
    return element("span", { class: line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "same" }, line);
  });
  const row = element(
    "div",
    { class: "row" },
    element("code", { class: "header" }, hunk.header),
    many && decision !== "open" && said(decision),
    many && decision !== "accepted" && act("accept", "Accept"),
    many && decision === "open" && act("reject", "Reject"),
  );
  return element(
    "div",
    { class: `hunk ${decision}`, role: "group", "aria-label": which },
    row,
    element("pre", { tabindex: "0" }, ...lines),
  );
}

export function button(label: string, described: string, key: string, pressed: () => void, kind = ""): HTMLElement {
  const attributes = { type: "button", class: kind, title: described, "aria-label": described, "data-key": key };
  const made = element("button", attributes, label);
  made.addEventListener("click", pressed);
  return made;
}

function heading(text: string): HTMLElement {
  return element("h2", { class: "hidden" }, text);
}

function said(state: string): HTMLElement | false {
  return state !== "" && element("span", { class: "state" }, state);
}
