import { assertEquals, assertMatch } from "@std/assert";
import { misfit, tooLong } from "../../../src/backend/command_line.ts";

const deno = "deno";
/** `deno `, as the command line is counted: quoted, and with what follows. */
const DENO_LENGTH = deno.length + 3;
const paths = (length: number) => `--allow-read=${"x".repeat(length - "--allow-read=".length)}`;

/** Command lines that fit, each with a longer one that does not. */
const limits: [os: typeof Deno.build.os, fits: string[], misfits: string[], why: RegExp][] = [
  [
    "windows",
    [paths(32_767 - DENO_LENGTH - 3)],
    [paths(32_767 - DENO_LENGTH - 2)],
    /^its command line has 32,768 characters, and Windows takes 32,767; .* --allow-read, has 32,758 /,
  ],
  ["windows", ['"'.repeat(16_000)], ['"'.repeat(17_000)], /^its command line has 34,010 /],
  ["windows", ["\\".repeat(16_000)], ["\\".repeat(17_000)], /^its command line has 34,010 /],
  ["windows", [..."x".repeat(8_000)], [..."x".repeat(9_000)], /^its command line has 36,007 /],
  [
    "linux",
    [paths(131_071), paths(131_071)],
    [paths(131_072)],
    /^an argument of its command line has 131,073 bytes, and Linux takes 131,072; .*folder/,
  ],
  ["linux", ["é".repeat(65_535)], ["é".repeat(65_536)], /^an argument .* has 131,073 bytes/],
];

for (const [os, fits, misfits, why] of limits) {
  const what = `${misfits.length} of ${misfits[0]!.slice(0, 3)}`;
  Deno.test(`misfit() knows the limit of ${os}: ${what}`, () => {
    assertEquals(misfit([deno, ...fits], os), undefined);
    assertMatch(misfit([deno, ...misfits], os)!, why);
  });
}

/** What is done about arguments that are too long. */
const cures: Record<string, RegExp> = {
  "--deny-env=": /--deny-env, has 140,000 characters: name the variables/,
  "--allow-write=": /--allow-write, has .* characters: give the pool fewer permissions/,
  "data:text/javascript,": /data:, has .*: shorten the pool's workerUrl/,
  "--v8-flags=": /--v8-flags, has .*: shorten the pool's options/,
};

for (const [start, cure] of Object.entries(cures)) {
  Deno.test(`misfit() says what to do about ${start}`, () => {
    assertMatch(misfit([deno, start.padEnd(140_000, "x")], "linux")!, cure);
  });
}

Deno.test("tooLong() explains the errors of systems whose limit is not known before", () => {
  const args = ["deno", "--deny-env=é"];
  for (
    const message of [
      "Failed to spawn 'deno': Argument list too long (os error 7)",
      "Failed to spawn 'deno': The filename or extension is too long. (os error 206)",
    ]
  ) {
    assertMatch(
      tooLong(new Error(message), args, ["A=1", "B=2"])!,
      /^its command line has 19 bytes and its environment 8, which is more .*; .* --deny-env, has/,
    );
  }
  for (const message of ["No such file or directory (os error 2)", "Bad (os error 70)"]) {
    assertEquals(tooLong(new Error(message), args, []), undefined);
  }
});
