import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Executor, tasksFrom, WorkerStartError } from "@genro/executor";
import { until } from "./waiting.ts";

Deno.test("Pool gives up a worker that does not get ready, and recovers", async () => {
  // A worker is ready when the modules it lists are there, and this one takes its time.
  const delivered = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    asked.resolve();
    await delivered.promise;
    return new Response("export const answer = () => 42;", {
      headers: { "Content-Type": "text/javascript" },
    });
  });
  try {
    await using executor = new Executor({ cpu: { permissions: "inherit" } });
    await executor.startup();
    const module = `http://127.0.0.1:${server.addr.port}/answer.js`;
    const { answer } = tasksFrom<{ answer(): number }>(module);
    {
      using time = new FakeTime();
      const waiting = [executor.runCpu(answer), executor.runCpu(answer)];
      const rejected = waiting.map((result) =>
        assertRejects(() => result, WorkerStartError, "not ready after 30 s")
      );
      await asked.promise;
      time.tick(29_999);
      assertEquals(executor.stats().cpu.queued, 2);
      time.tick(1);
      await Promise.all(rejected);
    }
    delivered.resolve();
    assertEquals(await executor.runCpu(answer), 42);
    await until(() => executor.stats().cpu.stuck === 0);
  } finally {
    delivered.resolve();
    await server.shutdown();
  }
});
