/**
 * Takes the picture of the README: some minutes of load, and a stuck worker.
 *
 * ```sh
 * deno run --allow-all examples/dashboard/screenshot.ts
 * ```
 */

import { Executor } from "@genro/executor";
import { openBrowser } from "./browser.ts";
import { dashboard } from "./dashboard.ts";

/** The seconds from one load to the next. */
const PAUSES = [5, 2, 9, 4, 7, 3, 1, 12, 6, 3, 8, 2, 5, 11, 4, 4, 2, 9, 10, 3, 5, 1, 7, 4, 20, 4];

await using executor = await Executor.start({
  blocking: { maxWorkers: 8 },
  cpu: { maxWorkers: 4 },
});
const stopping = new AbortController();
const answer = dashboard(executor, stopping.signal);
await using server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  (request) => answer(request) ?? new Response(null, { status: 404 }),
);
await using browser = await openBrowser();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.goto(`http://127.0.0.1:${server.addr.port}/dashboard`);

for (const pause of PAUSES) {
  await page.click("#load");
  await page.waitForTimeout(pause * 1_000);
}
await page.click("#loop");
await page.click("#load");
await page.getByText("workerstuck").waitFor();
await page.waitForTimeout(2_000);
await page.click("#load");
await page.waitForTimeout(500);
await page.screenshot({ path: `${import.meta.dirname}/screenshot.png` });
stopping.abort();
