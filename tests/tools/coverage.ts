/**
 * Runs tests, and shows how much of the library they run, and which lines they do not:
 * `deno task coverage [<test file or folder> …]`. Without arguments these are the tests of units and of
 * the API: the programs that other tests start are mostly killed, and so note nothing.
 */

import { relative } from "node:path";
import { npmDeno } from "../support/npm_deno.ts";
import { makeTempFolder, pathOf } from "../support/processes.ts";

/**
 * The version that notes what was run: from 2.9.1 on each worker then takes a second longer to start.
 * But 2.9.0 loses a timer once in a while: a test then fails as "the event loop has already resolved".
 *
 * @see {@link https://github.com/denoland/deno/pull/35629}
 * @see {@link https://github.com/denoland/deno/pull/35312}
 */
const DENO_VERSION = "2.9.0";
/** At least this part of the lines must be run. */
const LEAST_PERCENT = 90;
/** What is run without arguments. */
const TESTS = ["tests/unit/", "tests/api/"];
/** The library: the files that are published, but for the examples. */
const LIBRARY = /^(?:src\/.*|mod|executor|serve|worker)\.ts$/;
const LIBRARY_ENTRIES = ["mod.ts", "executor.ts", "serve.ts", "worker.ts"];

/** What of a file was run, and how often. */
interface FileCoverage {
  readonly path: string;
  readonly lines: ReadonlyMap<number, number>;
  readonly branches: readonly boolean[];
}

/** Parts that were run, of all there are. */
interface Share {
  readonly run: number;
  readonly all: number;
}

/** Reads a report in the format of lcov. */
export function parseReport(report: string): FileCoverage[] {
  return report.split("end_of_record").flatMap((record) => {
    const path = /^SF:(.*)$/m.exec(record)?.[1];
    if (path === undefined) return [];
    const lines = new Map<number, number>();
    for (const [, line, count] of record.matchAll(/^DA:(\d+),(\d+)$/gm)) {
      lines.set(Number(line), Number(count));
    }
    const branches = Array.from(
      record.matchAll(/^BRDA:\d+,\d+,\d+,(\d+|-)$/gm),
      ([, count]) => Number(count) > 0,
    );
    return [{ path: relative(pathOf(""), path).replaceAll("\\", "/"), lines, branches }];
  });
}

/** The lines that were not run, as ranges. Lines without code between two of them do not part them. */
export function rangesNotRun(lines: ReadonlyMap<number, number>): string {
  const ranges: [first: number, last: number][] = [];
  let isOpen = false;
  for (const [line, count] of [...lines].sort(([a], [b]) => a - b)) {
    if (count > 0) isOpen = false;
    else if (isOpen) ranges.at(-1)![1] = line;
    else {
      ranges.push([line, line]);
      isOpen = true;
    }
  }
  return ranges.map(([first, last]) => first === last ? first : `${first}-${last}`).join(", ");
}

const linesOf = ({ lines }: FileCoverage): Share => ({
  run: [...lines.values()].filter((count) => count > 0).length,
  all: lines.size,
});
const branchesOf = ({ branches }: FileCoverage): Share => ({
  run: branches.filter((wasTaken) => wasTaken).length,
  all: branches.length,
});
const sum = (shares: readonly Share[]): Share => ({
  run: shares.reduce((sum, { run }) => sum + run, 0),
  all: shares.reduce((sum, { all }) => sum + all, 0),
});
const percent = ({ run, all }: Share) => all === 0 ? 100 : run / all * 100;
const shown = (share: Share) => `${percent(share).toFixed(1)} %`.padStart(8);

/** The paths of the library's files. */
async function libraryFiles(): Promise<string[]> {
  const files = [...LIBRARY_ENTRIES];
  const visit = async (folder: string) => {
    for await (const { name, isDirectory } of Deno.readDir(pathOf(folder))) {
      if (isDirectory) await visit(`${folder}${name}/`);
      else if (name.endsWith(".ts")) files.push(`${folder}${name}`);
    }
  };
  await visit("src/");
  return files.sort();
}

/** Prints what was run; `false` if that is too little. */
async function show(folder: string): Promise<boolean> {
  const args = ["coverage", "--quiet", "--lcov", folder];
  const options = { cwd: pathOf(""), env: { NO_COLOR: "1" } };
  const { success, stdout, stderr } = await npmDeno(DENO_VERSION, args, options).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`Cannot read the coverage: ${text(stderr)}`);
  const found = parseReport(text(stdout)).filter(({ path }) => LIBRARY.test(path));
  const byPath = new Map(found.map((file) => [file.path, file]));
  const files = await libraryFiles();
  const width = Math.max(...files.map((path) => path.length));
  console.log(`\n${"file".padEnd(width)}     lines  branches  lines that no test runs`);
  for (const path of files) {
    const file = byPath.get(path);
    if (file === undefined || file.lines.size === 0) continue;
    const row = [path.padEnd(width), shown(linesOf(file)), ` ${shown(branchesOf(file))}`];
    console.log([...row, rangesNotRun(file.lines)].join("  ").trimEnd());
  }
  const [lines, branches] = [sum(found.map(linesOf)), sum(found.map(branchesOf))];
  const without = files.filter((path) => !byPath.has(path));
  if (without.length > 0) {
    console.log(`\nWithout code that was counted, as a file of types is: ${without.join(", ")}`);
  }
  console.log(
    "Counted is what the program and its workers run, and those processes that have the permission " +
      "env and end by themselves. Not counted is what is killed, or crashes.",
  );
  console.log(
    `Coverage of the library: ${shown(lines).trim()} of ${lines.all} lines, ` +
      `${shown(branches).trim()} of ${branches.all} branches`,
  );
  if (percent(lines) >= LEAST_PERCENT) return true;
  console.error(`At least ${LEAST_PERCENT} % of the lines must be run by tests`);
  return false;
}

async function main(tests: readonly string[]): Promise<number> {
  const folder = await makeTempFolder();
  try {
    const args = ["test", "--allow-all", "--no-prompt", "--no-check", `--coverage=${folder}`];
    args.push("--coverage-raw-data-only", ...tests.length > 0 ? tests : TESTS);
    const { code } = await npmDeno(DENO_VERSION, args, { cwd: pathOf("") }).spawn().status;
    return await show(folder) && code === 0 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exitCode = await main(Deno.args);
