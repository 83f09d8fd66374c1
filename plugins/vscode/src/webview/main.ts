// The webview: draws what the extension says, and says what is pressed. Its own state is the draft alone.
import type { Chip, Frame, FromWebview, ShownTurn, ToWebview } from "../messages";
import { element, replace } from "./element";
import { button, drawTurn } from "./turn";

declare function acquireVsCodeApi(): { postMessage(message: FromWebview): void; getState(): { draft?: string } | undefined; setState(state: { draft: string }): void };

const host = acquireVsCodeApi();
const post = (message: FromWebview) => host.postMessage(message);
const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const turns = find("turns");
const prompt = find<HTMLTextAreaElement>("prompt");
const send = find<HTMLButtonElement>("send");
const drawn = new Map<string, { element: HTMLElement; from: string }>();
let running = false;

function drawTurns(shown: readonly ShownTurn[]): void {
  const keys = new Set(shown.map((turn) => turn.key));
  for (const [key, { element: gone }] of drawn) {
    if (!keys.has(key)) {
      gone.remove();
      drawn.delete(key);
    }
  }
  shown.forEach(draw);
  turns.classList.toggle("empty", !shown.length);
}

function draw(turn: ShownTurn): void {
  const known = drawn.get(turn.key);
  const from = JSON.stringify(turn);
  if (known?.from === from) {
    return;
  }
  const atEnd = turns.scrollHeight - turns.scrollTop - turns.clientHeight < 40;
  const fresh = drawTurn(turn, post);
  if (known) {
    replace(known.element, fresh);
  } else {
    turns.append(fresh);
  }
  drawn.set(turn.key, { element: fresh, from });
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
  const add = button("+ current file", "Send the current file along again", "chip add", () => post({ type: "attach", what: "current" }), "chip");
  const list = element("ul", { id: "chips", "aria-label": "What goes along" }, ...frame.chips.map(drawChip), !frame.current && element("li", {}, add));
  replace(find("chips"), list);
}

function drawChip(chip: Chip): HTMLElement {
  const remove = button("×", `Leave ${chip.title} out`, `chip ${chip.key}`, () => post({ type: "detach", key: chip.key }), "remove");
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
      return drawTurns(data.turns);
    case "turn":
      return draw(data.turn);
    case "frame":
      return drawFrame(data.frame);
    case "focus":
      return prompt.focus();
  }
});
find("ask").addEventListener("submit", (event) => (event.preventDefault(), submit()));
find("file").addEventListener("click", () => post({ type: "attach", what: "file" }));
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
