// An answer's Markdown as elements. HTML in it is text, and nothing is fetched: images become their descriptions.
import MarkdownIt from "markdown-it";

import { element } from "./element";

const reader = new MarkdownIt({ html: false, linkify: false, breaks: false });
reader.renderer.rules["image"] = (tokens, index) => reader.utils.escapeHtml(tokens[index]?.content ?? "");
// A column's alignment would be an inline style, which the page's policy forbids.
reader.renderer.rules["th_open"] = () => "<th>";
reader.renderer.rules["td_open"] = () => "<td>";
const EDITS = /^[^\n]*\n?(?:```[^\n]*\n)?<{5,9} SEARCH/m;

/** `text`, as it streams in or whole; edits that are being written are told by one line. */
export function markdown(text: string): HTMLElement {
  const edits = text.search(EDITS);
  const shown = element("div", { class: "markdown" });
  shown.innerHTML = reader.render(edits < 0 ? text : text.slice(0, edits));
  for (const block of shown.querySelectorAll("pre")) {
    block.tabIndex = 0; // scrolled by keys
  }
  if (edits >= 0) {
    shown.append(element("pre", { class: "edits", tabindex: "0", "aria-label": "Edits" }, text.slice(edits)));
  }
  return shown;
}
