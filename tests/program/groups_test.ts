/** Signals to a server and all that it has started, as a service manager or a terminal sends them. */

import { assertEquals } from "@std/assert";
import { lacksLocks, lacksProcesses, lacksSignals, testUnless } from "../support/features.ts";
import { Program } from "../support/processes.ts";

/** A server in a group of processes of its own, and what is asked of it. */
interface Way {
  args: string[];
  /** A path that is answered 300 ms later, or more. */
  slow: string;
  answer: string;
}

/** What tasks run in. */
const isolations = ["worker", "process"] as const;

const ways: Record<string, (isolation: string) => Way> = {
  "serve()": (isolation) => ({
    args: ["run", "--allow-all", "--no-prompt", "tests/fixtures/serving.ts"]
      .concat(JSON.stringify({ executor: { blocking: { isolation } } })),
    slow: "/block?ms=400",
    answer: "blocked",
  }),
  "lifespan()": (isolation) => ({
    args: ["serve", "--allow-all", "--no-prompt", "--host=127.0.0.1", "--port=0"]
      .concat("tests/fixtures/declared.ts", "own", isolation),
    slow: "/slow",
    answer: "slow",
  }),
};

/** Signals a server when a task of a request runs; what the client gets, and how it ends. */
async function signalled(
  { args, slow }: Way,
  signal: Deno.Signal,
): Promise<[answer: string, code: number]> {
  await using server = new Program(args, { detached: true });
  const [, url] = await server.line(/(http:\/\/127\S+)\//);
  const answer = fetch(url + slow).then((response) => response.text(), () => "nothing");
  await server.line(/^begun/);
  server.killGroup(signal);
  return [await answer, (await server.ended()).code];
}

for (const [name, wayIn] of Object.entries(ways)) {
  for (const isolation of isolations) {
    const way = wayIn(isolation);
    const test = testUnless(
      lacksSignals || name === "lifespan()" && lacksLocks ||
        isolation === "process" && lacksProcesses,
    );

    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      test(`${name} with a ${isolation} finishes its requests on ${signal} to its group`, async () => {
        assertEquals(await signalled(way, signal), [way.answer, 0]);
      });
    }

    test(`${name} with a ${isolation} ends at once on SIGHUP to its group`, async () => {
      assertEquals(await signalled(way, "SIGHUP"), ["nothing", 129]);
    });
  }
}
