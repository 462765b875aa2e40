import { spawnServer, type StartServer } from "./server.ts";

const main = `${import.meta.dirname}/piscina_main.ts`;

/** Piscina behind `node:http`, on the Node of BENCH_NODE, or else in Deno. */
export const start: StartServer = (database) => {
  const node = Deno.env.get("BENCH_NODE");
  const env = { DATABASE: database };
  return node === undefined
    ? spawnServer(Deno.execPath(), ["run", "--allow-all", "--no-prompt", main], env)
    : spawnServer(node, [`--import=${import.meta.resolve("../node/packages.ts")}`, main], env);
};
