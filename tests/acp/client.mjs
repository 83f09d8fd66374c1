// An editor made with the protocol's own TypeScript SDK, told what to do by a test: JSON lines in, JSON lines out.
//
//   node client.mjs SDK PROGRAM ARGUMENT…
//   in:  {"id", "request", "params"} | {"notify", "params"} | {"answer", "result" or "error"}
//   out: {"id", "result" or "error"} | {"update"} | {"asked", "method", "params"} | {"ended"}
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const [sdk, program, ...words] = process.argv.slice(2);
const acp = await import(pathToFileURL(`${sdk}/dist/v1/stable/acp.js`));
const agent = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const told = (error) => ({ code: error.code, message: error.message });
const asked = new Map();

const ask = (method) => ({ params }) =>
  new Promise((resolve, reject) => {
    asked.set(asked.size + 1, { resolve, reject });
    say({ asked: asked.size, method, params });
  });

const app = acp.client({ name: "test" }).onNotification(acp.methods.client.session.update, ({ params }) => say({ update: params }));
for (const method of [acp.methods.client.session.requestPermission, ...Object.values(acp.methods.client.fs)])
  app.onRequest(method, ask(method));

agent.on("exit", (code) => {
  say({ ended: code });
  process.exit(0);
});
await app.connectWith(acp.ndJsonStream(Writable.toWeb(agent.stdin), Readable.toWeb(agent.stdout)), async (context) => {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    if (command.answer !== undefined) {
      const { resolve, reject } = asked.get(command.answer);
      if (command.error) reject(new acp.RequestError(command.error.code, command.error.message));
      else resolve(command.result);
    } else if (command.notify) {
      await context.notify(command.notify, command.params);
    } else {
      context.request(command.request, command.params).then(
        (result) => say({ id: command.id, result }),
        (error) => say({ id: command.id, error: told(error) }),
      );
    }
  }
});
agent.stdin.end();
