// VS Code in a browser, driven: node driver.mjs CHROMIUM URL. A line of JSON in, [operation, ...arguments]; one out,
// {"is": what came of it} or {"error": why not}. $PLAYWRIGHT is playwright-core's folder, $SHOTS where pictures go,
// $TIMEOUT_MS how long anything is waited for.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const [executablePath, url] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
const TIMEOUT_MS = Number(process.env.TIMEOUT_MS);
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.setDefaultTimeout(TIMEOUT_MS);
const refused = [];
page.on("console", (message) => {
  if (message.text().includes("Content Security Policy")) refused.push(message.text());
});

/** The frame of the chat: a webview's page stands in a frame within a frame. */
async function chat() {
  const end = Date.now() + TIMEOUT_MS;
  while (Date.now() < end) {
    for (const frame of page.frames()) {
      if (frame.name() !== "active-frame" && !frame.url().includes("fake.html")) continue;
      if (await frame.locator("#prompt").count().catch(() => 0)) return frame;
    }
    await page.waitForEvent("framenavigated", { timeout: 500 }).catch(() => undefined);
  }
  throw new Error("the chat is not there");
}

const plain = (text) => text.replaceAll("\u00a0", " ");
const saying = (place, text) => (text === undefined ? place : place.filter({ hasText: text }));
const rowOf = (text) => page.locator(".quick-input-list .monaco-list-row", { hasText: text });
const inChat = async (selector) => (await chat()).locator(selector);

/** Type into the box that `keys` open, once it stays open: what still loads may take the focus from it. */
async function quick(keys, text, row) {
  const input = page.locator(".quick-input-widget:visible input").first();
  for (let tries = 0; ; tries++) {
    try {
      await page.keyboard.press(keys);
      await input.fill(text, { timeout: 3000 });
      await row.first().waitFor({ timeout: 2000 * 2 ** tries });
      return;
    } catch (error) {
      if (tries > 4) throw error;
      await page.keyboard.press("Escape");
    }
  }
}

const editor = (which) => page.locator(which ?? ".editor-group-container.active .monaco-editor").last();

const operations = {
  async open() {
    await page.goto(url);
    await page.locator(".monaco-workbench").waitFor();
  },
  async reload() {
    const loaded = page.waitForEvent("load");
    await operations.command("Developer: Reload Window");
    await loaded;
    await page.locator(".monaco-workbench").waitFor();
  },
  /** A command by its whole label, once it is offered. */
  async command(label) {
    const whole = new RegExp(`^${label.replaceAll(/[.()]/g, "\\$&")}$`);
    const name = page.locator(".label-name", { hasText: whole });
    const row = page.locator(".quick-input-list .monaco-list-row").filter({ has: name }).first();
    await quick("F1", `>${label}`, row);
    await row.click();
  },
  async file(name) {
    await quick("Control+P", name, rowOf(name.split("/").at(-1)));
    await page.keyboard.press("Enter");
    await page.locator(".tab.active", { hasText: name.split("/").at(-1), hasNotText: "as proposed" }).waitFor();
    await editor().locator(".view-line").first().waitFor();
  },
  press: (keys) => page.keyboard.press(keys),
  type: (text) => page.keyboard.type(text),
  async input(text) {
    await page.locator(".quick-input-widget input").first().fill(text);
    await page.keyboard.press("Enter");
  },
  async pick(label) {
    await page.locator(".quick-input-widget:visible input").first().fill(label);
    await rowOf(label).first().click();
  },
  /** Put the cursor into the active editor, at a line and column. */
  async place(line, column = 1) {
    await editor().locator(".view-lines").click();
    await quick("Control+G", `:${line}:${column}`, rowOf(`${line}`));
    await page.keyboard.press("Enter");
  },
  async text() {
    const drawn = (all) => all.map((line) => [Number.parseInt(line.style.top), line.textContent]);
    const lines = await editor().locator(".view-line").evaluateAll(drawn);
    lines.sort(([one], [other]) => one - other);
    return plain(lines.map(([, text]) => text).join("\n"));
  },
  async until(selector, text) {
    await saying(page.locator(selector), text).first().waitFor();
  },
  async gone(selector, text) {
    await saying(page.locator(selector), text).first().waitFor({ state: "hidden" });
  },
  click: (selector, text) => saying(page.locator(selector), text).first().click(),
  all: async (selector) => (await page.locator(selector).allInnerTexts()).map(plain),
  count: (selector) => page.locator(selector).count(),

  async ask(text) {
    const prompt = await inChat("#prompt");
    await prompt.fill(text);
    await prompt.press("Enter");
  },
  chatUntil: async (selector, text) => saying(await inChat(selector), text).first().waitFor(),
  chatGone: async (selector) => (await inChat(selector)).first().waitFor({ state: "hidden" }),
  chatText: async (selector) => plain(await (await inChat(selector)).first().innerText()),
  chatAll: async (selector) => (await (await inChat(selector)).allInnerTexts()).map(plain),
  chatCount: async (selector) => (await inChat(selector)).count(),
  chatPress: async (label) => (await chat()).getByRole("button", { name: label, exact: true }).first().click(),
  chatValue: async (selector) => (await inChat(selector)).first().inputValue(),
  chatFill: async (selector, text) => (await inChat(selector)).fill(text),
  chatEval: async (code) => (await chat()).evaluate(code),
  refused: () => refused,
  shot: (name) => page.screenshot({ path: `${process.env.SHOTS}/vscode-${name}.png` }).then(() => undefined),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [operation, ...given] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ is: (await operations[operation](...given)) ?? null }));
  } catch (error) {
    await operations.shot("failed").catch(() => undefined);
    console.log(JSON.stringify({ error: error.message }));
  }
}
await browser.close();
