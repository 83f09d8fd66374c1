// Two bundles: the extension, for Node, and the script of its webview.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

const shared = { bundle: true, minify: true, legalComments: "eof", logLevel: "warning", target: "es2022" };
await build({
  ...shared,
  entryPoints: ["src/extension.ts"],
  outfile: "out/extension.js",
  platform: "node",
  format: "cjs",
  external: ["vscode"],
});
await build({ ...shared, entryPoints: ["src/webview/main.ts"], outfile: "out/webview.js", format: "iife" });
await copyFile(process.env.AID_LICENSE ?? "../../LICENSE", "LICENSE");
