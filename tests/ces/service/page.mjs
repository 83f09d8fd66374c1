// Opens the page in a browser, logs in and says what it shows, a line for each step: node page.mjs CHROMIUM URL
// The token and then one word a step come on standard input; $PLAYWRIGHT is playwright-core's folder.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const [executablePath, url] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const given = async () => (await lines.next()).value;
const said = (value) => console.log(JSON.stringify(value));

const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
const browser = await chromium.launch({ executablePath, args });
const errors = [];
const page = await browser.newPage({ viewport: { width: 400, height: 800 } });
page.on("pageerror", (error) => errors.push(error.message));
page.on("console", (message) => {
  if (message.type() === "error" && !message.text().includes("401")) errors.push(message.text());
});
await page.goto(url);
await page.fill("#token", "not the token");
await page.click("button");
await page.getByText("That is not the token.").waitFor();
await page.fill("#token", await given());
await page.click("button");
await page.locator("#state.ok").waitFor();
said({ recent: await page.locator("#recent tr").count(), workers: await page.locator("#workers li").count() });

await given(); // a build has begun
await page.locator("#workers .busy").waitFor();
said({ busy: await page.locator("#workers .busy").innerText() });

await given(); // a verdict was given
await page.locator("#recent tr").first().waitFor();
said({
  recent: await page.locator("#recent tr").first().locator("td:visible").allInnerTexts(),
  bases: await page.locator("#bases tr").first().locator("td:visible").allInnerTexts(),
  mix: await page.locator("#mix text").allTextContents(),
});

await given(); // its figures are measured
const cut = []; // figures that are wider than their tile
for (const width of [400, 760, 1010, 1100, 1500]) {
  await page.setViewportSize({ width, height: 800 });
  const found = await page.evaluate(() => {
    for (const id of ["wall", "queue"]) document.getElementById(id).textContent = "144 ms / 14.7 s";
    document.getElementById("audits").textContent = "12 of 3,456";
    return [...document.querySelectorAll(".tile b")].filter((each) => each.scrollWidth > each.clientWidth).length;
  });
  if (found > 0) cut.push(width);
}
await page.setViewportSize({ width: 400, height: 800 });
said({ cut });

await given(); // the token is another now, as the cookie finds out
await page.locator("#login").waitFor();
const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
const stored = await page.evaluate(() => Object.keys(sessionStorage).length + Object.keys(localStorage).length);
said({ errors, wide, stored, cookies: await page.evaluate(() => document.cookie) });
await browser.close();
