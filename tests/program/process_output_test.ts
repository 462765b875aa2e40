/** What becomes of what the tasks of a process print. */

import { assert, assertEquals } from "@std/assert";
import { lacksProcesses, testUnless } from "../support/features.ts";
import { pathOf, Program } from "../support/processes.ts";

const testOfProcesses = testUnless(lacksProcesses);

const root = new URL("../../", import.meta.url);

/**
 * Runs a program that has an executor of processes with these options.
 *
 * @param prelude Comes before the package is loaded.
 */
function run(options: object, source: string, prelude = ""): Program {
  const text = `
    ${prelude}
    const { Executor } = await import(${JSON.stringify(new URL("mod.ts", root).href)});
    const cpu = ${JSON.stringify({ isolation: "process", ...options })};
    const executor = await Executor.start({ cpu });
    ${source}
  `;
  return new Program([
    "run",
    "--quiet",
    "--no-check",
    "--no-prompt",
    "--allow-all",
    `--config=${pathOf("deno.json")}`,
    `data:text/javascript,${encodeURIComponent(text)}`,
  ]);
}

/** Everything that a program has printed when it has ended by itself. */
async function printed(program: Program): Promise<string[]> {
  const { code } = await program.ended();
  assertEquals(code, 0, program.printed.join("\n"));
  return program.printed;
}

const prints = `
  await executor.runCpu(() => {
    console.log("output");
    console.error("error");
  });
`;

const settings: Record<string, { options: object; expected: string[] }> = {
  "without permissions": { options: {}, expected: ["error", "output"] },
  "with some permissions": {
    options: { permissions: { read: true } },
    expected: ["error", "output"],
  },
  "with the program's permissions": {
    options: { permissions: "inherit" },
    expected: ["error", "output"],
  },
  "that discards its output": { options: { output: "discard" }, expected: [] },
  "with the program's permissions that discards its output": {
    options: { output: "discard", permissions: "inherit" },
    expected: [],
  },
};

/** How the program ends, or the process. */
const ends: Record<string, string> = {
  "an idle executor": "",
  "a shutdown": "await executor.shutdown();",
  "a crash": "await executor.runCpu(() => Deno.exit(1)).catch(() => {});",
};

for (const [what, { options, expected }] of Object.entries(settings)) {
  for (const [how, end] of Object.entries(ends)) {
    testOfProcesses(
      `What a task of a process ${what} prints is printed at the end by ${how}`,
      async () => {
        await using program = run(options, prints + end);
        assertEquals((await collected(program)).toSorted(), expected);
      },
    );
  }
}

/** What the program prints, whatever it ends with. */
async function collected(program: Program): Promise<string[]> {
  const lines: string[] = [];
  while (true) {
    try {
      lines.push((await program.line(/^(output|error)$/))[0]);
    } catch {
      await printed(program);
      return lines;
    }
  }
}

testOfProcesses("What a process prints arrives whole, and in its order", async () => {
  await using program = run(
    {},
    `
    await executor.runCpu(() => {
      for (let i = 0; i < 2_000; i++) console.log(\`line \${i} \${"x".repeat(100)}\`);
    });
  `,
  );
  for (let i = 0; i < 2_000; i++) await program.line(new RegExp(`^line ${i} x{100}$`));
  assertEquals((await program.ended()).code, 0);
});

testOfProcesses("A process that prints without end does not keep the event loop busy", async () => {
  await using program = run(
    {},
    `
    let turns = 0;
    const interval = setInterval(() => turns++, 10);
    const flood = executor.with({ timeout: 1_000 }).runCpu(() => {
      const dots = new TextEncoder().encode("...............\\n".repeat(4_096));
      while (true) Deno.stdout.writeSync(dots);
    });
    await flood.catch(({ name }) => console.log(name));
    clearInterval(interval);
    console.log("turns", turns);
  `,
  );
  await program.line(/^TimeoutError$/);
  const [, turns] = await program.line(/^turns (\d+)$/);
  // A hundred, if nothing else ran on the machine.
  assert(Number(turns) > 20, turns);
  assertEquals((await program.ended()).code, 0);
});

testOfProcesses("A program goes on that has closed its output", async () => {
  await using program = run(
    {},
    `
    Deno.stdout.close();
    ${prints}
    console.error(await executor.runCpu(() => "goes on"));
  `,
  );
  await program.line(/^goes on$/);
  assertEquals((await program.ended()).code, 0);
});

/** How a process dies that the program waits for, and what the process prints before. */
const deaths: Record<string, [code: string, words: RegExp]> = {
  "Executor.startup() rejects": [
    `await Executor.start({ cpu: { ...cpu, args: ["--no-such-flag"] } }).catch(() => {});`,
    /unexpected argument/,
  ],
  "Executor.shutdown() resolves after a crash": [
    `await executor.runCpu(() => {
      console.error("last words");
      Deno.exit(1);
    }).catch(() => {});
    await executor.shutdown();`,
    /^last words$/,
  ],
};

// The program takes half a second to print, and the package as long as the program does.
const prelude = `
  const { setTimeout, Deno: { stderr } } = globalThis;
  globalThis.setTimeout = (call, ms) => setTimeout(call, ms < 200 ? ms : 60_000);
  const write = stderr.write.bind(stderr);
  stderr.write = async (chunk) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return await write(chunk);
  };
`;

for (const [what, [code, words]] of Object.entries(deaths)) {
  testOfProcesses(`What a process has printed is passed on before ${what}`, async () => {
    await using program = run({}, `${code} Deno.exit();`, prelude);
    await program.line(words);
  });
}
