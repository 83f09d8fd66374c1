// The language client: `aid connect` is started, spoken to in LSP and in the `aid/…` methods beside it.
import * as vscode from "vscode";
import { LanguageClient, RevealOutputChannelOn, State, type Middleware } from "vscode-languageclient/node";

import { DEFAULT_SETTINGS, type BuildChangedParams, type PromptResult } from "./protocol";
import type { InitializationOptions, Requests, UpdateParams } from "./protocol";

/** From what is always written to what seldom is; the channel itself would hide what is below "info". */
const WRITERS = { error: "error", warning: "warn", info: "info", debug: "info" } as const;
type Level = keyof typeof WRITERS;

/** The library takes an absent token for one more parameter. */
const NEVER = new vscode.CancellationTokenSource().token;

export class Daemon {
  readonly log = vscode.window.createOutputChannel("AID", { log: true });
  /** What the daemon made of a code action. */
  readonly fixed = new vscode.EventEmitter<PromptResult>();
  readonly updated = new vscode.EventEmitter<UpdateParams>();
  /** A document was edited, and the daemon told so. */
  readonly typed = new vscode.EventEmitter<vscode.Uri>();
  readonly built = new vscode.EventEmitter<BuildChangedParams>();
  /** Whether it can be asked has changed. */
  readonly turned = new vscode.EventEmitter<void>();
  /** Why it can't be asked; "" when it can. */
  trouble = "Connecting…";
  private client: LanguageClient | undefined;

  async start(): Promise<void> {
    const settings = vscode.workspace.getConfiguration("aid");
    if (!settings.get("enable", DEFAULT_SETTINGS.enable)) {
      return this.turn("AID is switched off: see the setting aid.enable.");
    }
    if (!vscode.workspace.workspaceFolders?.length) {
      return this.turn("Open a folder: AID works on a project.");
    }
    const [command, ...args] = settings.get<readonly string[]>("command", DEFAULT_SETTINGS.command);
    if (!command) {
      return this.turn("The setting aid.command is empty: it names the program that reaches the daemon.");
    }
    const initializationOptions: InitializationOptions = { build_changed: true };
    const heard = (told: unknown) => this.note("warning", String(told).trimEnd());
    this.client = new LanguageClient("aid", "AID", { command, args }, {
      documentSelector: [{ scheme: "file" }],
      initializationOptions,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      stdioOptions: { stdout: () => undefined, stderr: (input) => input.on("data", heard) },
      middleware: this.middleware(),
      initializationFailedHandler: (error) => (this.note("error", String(error)), false),
    });
    this.client.onNotification("aid/update", (update: UpdateParams) => this.updated.fire(update));
    this.client.onNotification("aid/buildChanged", (build: BuildChangedParams) => this.built.fire(build));
    this.client.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped) {
        this.turn(`'${[command, ...args].join(" ")}' ended: see the log (AID: Show Log).`);
      } else if (newState === State.Running) {
        this.turn("");
      }
    });
    try {
      await this.client.start();
    } catch (error) {
      const absent = said(error).includes("ENOENT");
      const advice = "install AID, or name it in the setting aid.command";
      this.turn(absent ? `There is no program '${command}': ${advice}.` : `AID can't be started: ${said(error)}`);
    }
  }

  async stop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    await client?.dispose().catch((error: unknown) => this.note("warning", said(error)));
  }

  async request<M extends keyof Requests>(
    method: M,
    params: Requests[M]["params"],
    token?: vscode.CancellationToken,
  ): Promise<Requests[M]["result"]> {
    if (!this.client || this.trouble) {
      throw new Error(this.trouble || "AID is not connected.");
    }
    this.note("info", method);
    try {
      return await this.client.sendRequest<Requests[M]["result"]>(method, params, token ?? NEVER);
    } catch (error) {
      if (token?.isCancellationRequested) {
        throw new vscode.CancellationError();
      }
      this.note("error", `${method}: ${said(error)}`);
      throw new Error(said(error));
    }
  }

  /** To the log, unless the setting says that less is wanted there. */
  note(level: Level, text: string): void {
    const wanted = vscode.workspace.getConfiguration("aid").get<Level>("logLevel", "warning");
    const levels = Object.keys(WRITERS);
    if (levels.indexOf(level) <= levels.indexOf(wanted)) {
      this.log[WRITERS[level]](text);
    }
  }

  private middleware(): Middleware {
    return {
      didChange: async (event, next) => {
        await next(event);
        this.typed.fire(event.document.uri);
      },
      executeCommand: async (command, args, next) => {
        const result: unknown = await next(command, args);
        if (command === "aid.fix" && result) {
          this.fixed.fire(result as PromptResult);
        }
        return result;
      },
      workspace: {
        // The library compares versions and refuses without a word: the person is to know why.
        handleApplyEdit: async (params, next) => {
          const result = await next(params, NEVER);
          return "applied" in result && !result.applied && !result.failureReason
            ? { ...result, failureReason: "it was edited meanwhile: accept again" }
            : result;
        },
      },
    };
  }

  private turn(trouble: string): void {
    this.trouble = trouble;
    this.note(trouble ? "warning" : "info", trouble || "connected");
    this.turned.fire();
  }
}

export function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
