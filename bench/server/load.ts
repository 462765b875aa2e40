/** Traffic for a server, on loopback, for a limited time. */

/** The outcome of a request. */
interface Answer {
  readonly ms: number;
  readonly refused: boolean;
}

/** How often a kind of request comes. */
export interface Rates {
  /** Per second. */
  readonly passwords: number;
  readonly sales: number;
}

/** How long requests took, in ms, from the moment at which each was due. */
export interface Latencies {
  readonly tasks: readonly number[];
  readonly health: readonly number[];
  /** How many tasks were refused. */
  readonly refused: number;
}

const CITIES = ["Bologna", "Milan", "Palermo", "Rome"];
/** The number of clients of each kind, while clients wait for their answers. */
const CLIENTS = 4;
const PROBE_INTERVAL_MS = 10;
/** How many answers to probes may be awaited at a time. */
const MAX_PROBES = 64;
/** How long, in ms, answers may take after the last request. */
const PATIENCE_MS = 20_000;

const now = () => performance.now();

/** How many requests of each kind a server answers a second, when each client always waits. */
export async function capacityOf(url: string, duration: number): Promise<Rates> {
  const end = now() + duration;
  const counts = { passwords: 0, sales: 0 };
  const client = async (kind: keyof Rates, i: number) => {
    while (now() < end) {
      await ask(url, kind, i, AbortSignal.timeout(PATIENCE_MS));
      if (now() < end) counts[kind]++;
    }
  };
  await Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => [client("passwords", i), client("sales", i)]).flat(),
  );
  const perSecond = (count: number) => count / duration * 1_000;
  return { passwords: perSecond(counts.passwords), sales: perSecond(counts.sales) };
}

/** Sends requests at these rates, whether answers come or not, and asks for `/healthz` meanwhile. */
export async function load(url: string, rates: Rates, duration: number): Promise<Latencies> {
  const begun = now();
  const signal = AbortSignal.timeout(duration + PATIENCE_MS);
  const health: number[] = [];
  const [passwords, sales] = await Promise.all([
    arrivals(url, "passwords", rates.passwords, begun, duration, signal),
    arrivals(url, "sales", rates.sales, begun, duration, signal),
    probe(url, begun, duration, health, signal),
  ]);
  const answers = [...passwords, ...sales];
  return {
    tasks: answers.filter(({ refused }) => !refused).map(({ ms }) => ms),
    health,
    refused: answers.filter(({ refused }) => refused).length,
  };
}

/** Requests that come independently of each other; the same moments in each run. */
async function arrivals(
  url: string,
  kind: keyof Rates,
  rate: number,
  begun: number,
  duration: number,
  signal: AbortSignal,
): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  let i = 0;
  for (const at of momentsOf(rate, duration, kind.length)) {
    const due = begun + at;
    await sleep(due - now());
    answers.push(
      ask(url, kind, i++, signal).then((refused) => ({ ms: now() - due, refused })),
    );
  }
  return await Promise.all(answers);
}

/** When independent events come, in ms, by a seed: the times between them are exponential. */
export function momentsOf(rate: number, duration: number, seed: number): number[] {
  const moments: number[] = [];
  let state = seed;
  for (let at = 0; rate > 0;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    at -= Math.log((state + 1) / 2 ** 32) / rate * 1_000;
    if (at >= duration) break;
    moments.push(at);
  }
  return moments;
}

/** Asks for `/healthz` at fixed moments: late answers count from the moment that was due. */
async function probe(
  url: string,
  begun: number,
  duration: number,
  latencies: number[],
  signal: AbortSignal,
): Promise<void> {
  let probes = 0;
  const prober = async () => {
    for (;;) {
      const due = begun + probes++ * PROBE_INTERVAL_MS;
      if (due >= begun + duration) return;
      await sleep(due - now());
      await (await fetch(`${url}/healthz`, { signal })).text();
      latencies.push(now() - due);
    }
  };
  await Promise.all(Array.from({ length: MAX_PROBES }, prober));
}

/** Sends one request; resolves with whether it was refused. */
async function ask(
  url: string,
  kind: keyof Rates,
  i: number,
  signal: AbortSignal,
): Promise<boolean> {
  const response = kind === "sales"
    ? await fetch(`${url}/sales?city=${CITIES[i % CITIES.length]}`, { signal })
    : await fetch(`${url}/passwords`, {
      method: "POST",
      body: JSON.stringify({ password: `correct horse ${i}` }),
      signal,
    });
  await response.text();
  if (response.status === 503) return true;
  if (response.status !== 200) throw new Error(`Received ${response.status} for ${kind}`);
  return false;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
