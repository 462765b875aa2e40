import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Entry } from "../../examples/archive/tasks.ts";
import { lacksSignals, testUnless } from "../support/features.ts";
import { makeTempFolder, Program, temporaryIn } from "../support/processes.ts";

const testOfSignals = testUnless(lacksSignals);

/** The example with the permissions that it documents, and a folder for its temporary files. */
async function withArchive(
  use: (run: (...args: string[]) => Program, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await makeTempFolder();
  const permissions = ["--no-prompt", `--allow-read=.,${folder}`, `--allow-write=${folder}`];
  try {
    await Deno.mkdir(`${folder}/temporary`);
    await use(
      (...args) =>
        new Program(["run", ...permissions, "examples/archive/main.ts", ...args], {
          env: temporaryIn(`${folder}/temporary`),
        }),
      folder,
    );
    assertEquals(await Array.fromAsync(Deno.readDir(`${folder}/temporary`)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function manifestOf(archive: string): Promise<Entry[]> {
  const lines = (await Deno.readTextFile(`${archive}/manifest.jsonl`)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

/** What the file of an entry was, once it is checked that the archive has it as the entry says. */
async function contentOf(archive: string, entry: Entry): Promise<Uint8Array> {
  const compressed = await Deno.readFile(`${archive}/${entry.path}.gz`);
  const content = new Uint8Array(gunzipSync(compressed));
  assertEquals([content.length, compressed.length], [entry.bytes, entry.compressed]);
  assertEquals(createHash("sha256").update(content).digest("hex"), entry.sha256);
  return content;
}

Deno.test("examples/archive/main.ts compresses every file of a folder", async () => {
  await withArchive(async (run, folder) => {
    const from = `${folder}/from`;
    const files = new Map([
      ["empty", new Uint8Array()],
      ["far/below/a name.txt", new TextEncoder().encode("far below\n".repeat(1_000))],
      ["far/random.bin", crypto.getRandomValues(new Uint8Array(60_000))],
      ["large", new Uint8Array(5_000_000).map((_, i) => i % 251)],
    ]);
    await Deno.mkdir(`${from}/far/below`, { recursive: true });
    for (const [path, content] of files) await Deno.writeFile(`${from}/${path}`, content);

    await using program = run("--from", from, "--to", `${folder}/to`);
    assertEquals((await program.ended()).code, 0);
    const manifest = await manifestOf(`${folder}/to`);
    assertEquals(manifest.map(({ path }) => path).sort(), [...files.keys()]);
    for (const entry of manifest) {
      assertEquals(await contentOf(`${folder}/to`, entry), files.get(entry.path));
    }
  });
});

Deno.test("examples/archive/main.ts makes samples, and sums up what came of them", async () => {
  await withArchive(async (run, folder) => {
    await using program = run("--files", "300", "--to", `${folder}/to`);
    const [, files] = await program.line(/^(\d+) files in [\d.]+ s, \d+ a second$/);
    const [, mbIn, mbOut, ratio] = await program.line(
      /^([\d.]+) MB in, ([\d.]+) MB out, ([\d.]+) to 1$/,
    );
    await program.line(/^The event loop was blocked for [\d.]+ ms at most$/);
    assertEquals((await program.ended()).code, 0);

    const manifest = await manifestOf(`${folder}/to`);
    assertEquals(new Set(manifest.map(({ path }) => path)).size, 300);
    assertEquals(manifest.length, 300);
    for (const entry of manifest.slice(0, 5)) await contentOf(`${folder}/to`, entry);

    const bytes = manifest.reduce((sum, entry) => sum + entry.bytes, 0);
    const compressed = manifest.reduce((sum, entry) => sum + entry.compressed, 0);
    assertEquals([files, mbIn, mbOut, ratio], [
      "300",
      (bytes / 1e6).toFixed(2),
      (compressed / 1e6).toFixed(2),
      (bytes / compressed).toFixed(2),
    ]);
    // No bar where nobody sees it move.
    assert(program.printed.every((line) => !line.includes("%")), program.printed.join("\n"));
  });
});

Deno.test("examples/archive/main.ts refuses what it cannot use, and exits 2", async () => {
  await withArchive(async (run, folder) => {
    await Deno.mkdir(`${folder}/empty`);
    await Deno.writeTextFile(`${folder}/file`, "");
    const refused = {
      "Unknown option '--file'": ["--file", "3"],
      "--files makes samples": ["--files", "3", "--from", folder],
      'expected --files from 1 to 100000, received "many"': ["--files", "many"],
      'expected --files from 1 to 100000, received "1.5"': ["--files", "1.5"],
      "nowhere": ["--from", `${folder}/nowhere`],
      "there is nothing in --from": ["--from", `${folder}/empty`],
      "there is something in --to": ["--to", folder],
      "file": ["--to", `${folder}/file`],
      "Requires write access": ["--to", "archive"],
    };
    await Promise.all(
      Object.entries(refused).map(async ([message, args]) => {
        await using program = run(...args);
        const { input } = await program.line(/^Cannot archive: .*/);
        assert(input.includes(message), `expected "${message}", received "${input}"`);
        assertEquals((await program.ended()).code, 2);
      }),
    );
  });
});

testOfSignals(
  "examples/archive/main.ts leaves nothing behind on SIGINT, and exits 130",
  async () => {
    await withArchive(async (run) => {
      await using program = run("--files", "3000");
      await program.line(/^Archiving 3000 files$/);
      program.kill("SIGINT");
      const [, files] = await program.line(/^Interrupted after (\d+) files$/);
      assert(Number(files) < 3_000, files);
      assertEquals((await program.ended()).code, 130);
    });
  },
);
