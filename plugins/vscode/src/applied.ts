// A proposal's hunks put into the text as it is now. The daemon does this for good; here it is only to be looked at.
import type { ProposedHunk } from "./protocol";

/** The line at which a hunk's first change is, zero-based, in the text that comes out. */
export type Place = Readonly<Record<"index" | "first", number>>;

/** `text` with `wanted` of a file's `hunks`; one whose lines are no longer there is left out of it. */
export function applied(
  text: string,
  hunks: readonly ProposedHunk[],
  wanted: (hunk: ProposedHunk) => boolean,
): { text: string; places: Place[] } {
  const lines = text.split("\n");
  const places: Place[] = [];
  let shift = 0;
  for (const hunk of hunks) {
    if (!hunk.accepted && !wanted(hunk)) {
      continue;
    }
    if (!hunk.accepted) {
      const body = hunk.text.split("\n").slice(0, hunk.text.endsWith("\n") ? -1 : undefined);
      const [before, after] = [" -", " +"].map((signs) => side(body, signs)) as [string[], string[]];
      const at = find(lines, before, shift + hunk.old_first - 1);
      if (at < 0) {
        continue;
      }
      lines.splice(at, before.length, ...after);
      const lead = Math.max(0, body.findIndex((line) => line.startsWith("+") || line.startsWith("-")));
      places.push({ index: hunk.index, first: at + lead });
    }
    shift += hunk.new_lines - hunk.old_lines;
  }
  return { text: lines.join("\n"), places };
}

function side(body: readonly string[], signs: string): string[] {
  return body.filter((line) => signs.includes(line.charAt(0) || " ")).map((line) => line.slice(1));
}

/** Where `wanted` stands nearest to `near`; -1: nowhere. */
function find(lines: readonly string[], wanted: readonly string[], near: number): number {
  const last = lines.length - wanted.length;
  const stands = (at: number) => at >= 0 && at <= last && wanted.every((line, i) => lines[at + i] === line);
  for (let away = 0; away <= lines.length; away++) {
    const found = [near - away, near + away].find(stands);
    if (found !== undefined) {
      return found;
    }
  }
  return -1;
}
