/** The times of requests to a server under load, up to the server's capacity. */

import { percentile } from "../measuring/statistics.ts";
import { capacityOf, load } from "../server/load.ts";
import type { StartServer } from "../server/server.ts";
import type { Group, Open, Workload } from "./workload.ts";

/** The loads, in percent of the server's own capacity. */
const SHARES = [50, 80, 100];

const tail: Workload = {
  title: "p99 of /healthz at 80 % of the server's own capacity",
  unit: "ms",
  better: "less",
  limits: [],
  spawns: true,
  patience: 180_000,
  measure: async (open, _beside, quick) => {
    const [warmUpMs, capacityMs, loadMs] = quick ? [1_000, 2_000, 3_000] : [3_000, 5_000, 10_000];
    const folder = await Deno.makeTempDir({ prefix: "executor-bench-" });
    try {
      const database = `${folder}/sales.db`;
      (await createDatabase())(database);
      await using server = await (await (open as unknown as Open<StartServer>)())(database);
      await capacityOf(server.url, warmUpMs);
      const capacity = await capacityOf(server.url, capacityMs);
      const details: Record<string, number> = {
        "passwords a second, at capacity": capacity.passwords,
        "sales a second, at capacity": capacity.sales,
      };
      for (const share of SHARES) {
        const rates = {
          passwords: capacity.passwords * share / 100,
          sales: capacity.sales * share / 100,
        };
        const { health, tasks, refused } = await load(server.url, rates, loadMs);
        for (const p of [50, 99]) {
          details[`${share} %: /healthz p${p}, ms`] = percentile(health, p);
        }
        for (const p of [50, 99]) details[`${share} %: tasks p${p}, ms`] = percentile(tasks, p);
        details[`${share} %: refused`] = refused;
      }
      return { value: details["80 %: /healthz p99, ms"]!, details };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** Makes the example's database. Imported by a computed name, so that no other row loads the packages. */
async function createDatabase(): Promise<(path: string) => void> {
  const url = import.meta.resolve("../../examples/tasks.ts");
  const tasks: typeof import("../../examples/tasks.ts") = await import(url);
  return tasks.createDatabase;
}

/** A server under load. */
export const server: Group = {
  title: "A server",
  file: "server",
  contenders: ["ours", "event loop", "piscina", "piscina on Node"],
  modules: {
    ours: "server/ours.ts",
    "event loop": "server/ours.ts?event-loop",
    piscina: "server/piscina.ts",
  },
  workloads: { tail },
};
