// The webview: draws what the extension says, and says what is pressed. Its own state is the draft alone.
import type { Chip, Frame, FromWebview, ShownTurn, ToWebview } from "../messages";
import { element, replace } from "./element";
import { button, drawTurn } from "./turn";

declare function acquireVsCodeApi(): {
  postMessage(message: FromWebview): void;
  getState(): { draft?: string } | undefined;
  setState(state: { draft: string }): void;
};

const host = acquireVsCodeApi();
const post = (message: FromWebview) => host.postMessage(message);
const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const turns = find("turns");
const prompt = find<HTMLTextAreaElement>("prompt");
const send = find<HTMLButtonElement>("send");
const drawn = new Map<string, HTMLElement>();
let running = false;

function drawTurns(keys: readonly string[], changed: readonly ShownTurn[]): void {
  for (const [key, gone] of drawn) {
    if (!keys.includes(key)) {
      gone.remove();
      drawn.delete(key);
    }
  }
  changed.forEach(draw);
  turns.classList.toggle("empty", !keys.length);
}

function draw(turn: ShownTurn): void {
  const known = drawn.get(turn.key);
  const atEnd = turns.scrollHeight - turns.scrollTop - turns.clientHeight < 40;
  const fresh = drawTurn(turn, post);
  drawn.set(turn.key, fresh);
  if (known) {
    replace(known, fresh);
  } else {
    turns.append(fresh);
  }
  if (atEnd || !known) {
    turns.scrollTop = turns.scrollHeight;
  }
}

function drawFrame(frame: Frame): void {
  running = frame.running;
  const build = find("build");
  build.className = frame.trouble ? "trouble" : frame.status;
  const told = frame.trouble || (frame.build ? `Build: ${frame.build}` : "");
  if (build.textContent !== told) {
    build.replaceChildren(element("span", { class: "mark", "aria-hidden": "true" }), told);
  }
  send.textContent = running ? "Cancel" : "Send";
  send.disabled = Boolean(frame.trouble);
  const again = () => post({ type: "attachCurrent" });
  const add = button("+ current file", "Send the current file along again", "chip add", again, "chip");
  const chips = [...frame.chips.map(drawChip), !frame.current && element("li", {}, add)];
  replace(find("chips"), element("ul", { id: "chips", "aria-label": "What goes along" }, ...chips));
}

function drawChip(chip: Chip): HTMLElement {
  const detach = () => post({ type: "detach", key: chip.key });
  const remove = button("×", `Leave ${chip.title} out`, `chip ${chip.key}`, detach, "remove");
  return element("li", { class: "chip", title: chip.title }, element("span", {}, chip.label), remove);
}

function submit(): void {
  const text = prompt.value.trim();
  if (running) {
    post({ type: "cancel" });
  } else if (text && !send.disabled) {
    post({ type: "send", prompt: text });
    prompt.value = "";
    host.setState({ draft: "" });
  }
}

window.addEventListener("message", ({ data }: MessageEvent<ToWebview>) => {
  switch (data.type) {
    case "turns":
      return drawTurns(data.keys, data.changed);
    case "frame":
      return drawFrame(data.frame);
    case "focus":
      return prompt.focus();
  }
});
find("ask").addEventListener("submit", (event) => (event.preventDefault(), submit()));
find("file").addEventListener("click", () => post({ type: "attachFile" }));
prompt.addEventListener("input", () => host.setState({ draft: prompt.value }));
prompt.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (!running) {
      submit();
    }
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) {
    post({ type: "cancel" });
  }
});
prompt.value = host.getState()?.draft ?? "";
post({ type: "ready" });
