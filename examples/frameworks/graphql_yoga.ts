/**
 * GraphQL Yoga with an executor, which is in the context of each resolver.
 *
 * ```sh
 * deno run --unstable-no-legacy-abort --allow-net=127.0.0.1 --allow-read=. --allow-env examples/frameworks/graphql_yoga.ts
 * curl -g "http://127.0.0.1:8000/graphql?query={primes(below:1000000)}"
 * ```
 */
import { createGraphQLError, createSchema, createYoga, maskError } from "npm:graphql-yoga@5";
import { QueueFullError, tasksFrom } from "@genro/executor";
import { serve, type ServeInfo } from "@genro/executor/serve";

const { countPrimes } = tasksFrom(import.meta, () => import("./tasks.ts"));
const typeDefs = "type Query { primes(below: Int!): Int! }";
const primes = (_: unknown, { below }: { below: number }, { executor }: ServeInfo) =>
  executor.runCpu(countPrimes, below);
const yoga = createYoga<ServeInfo>({
  schema: createSchema<ServeInfo>({ typeDefs, resolvers: { Query: { primes } } }),
  maskedErrors: { maskError: explain },
});
// Yoga would answer 200 to everything, with "Unexpected error".
function explain(error: unknown, message: string, isDev?: boolean): Error {
  const { originalError } = error as { originalError?: unknown };
  if (!(originalError instanceof QueueFullError)) return maskError(error, message, isDev);
  const { status, headers } = originalError;
  return createGraphQLError(originalError.message, { extensions: { http: { status, headers } } });
}
const listen = { hostname: "127.0.0.1", port: 8000 };
await serve(async (request, info) => await yoga(request, info), listen);
