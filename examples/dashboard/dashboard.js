// @ts-check
/// <reference lib="dom" />

/**
 * @typedef {{ p50: number, p95: number, p99: number }} Percentiles
 * @typedef {"queueTime" | "runTime"} Times
 * @typedef {"queued" | "rate"} Level
 * @typedef {"workers" | "idle" | "busy" | "stuck" | "queued" | "completed"} Count
 * @typedef {Record<Count, number> & Record<Times, Percentiles>} Stats
 * @typedef {{ time: number } & Record<Level, number> & Record<Times, Percentiles>} Sample
 */

/** How far back the charts go, in s; the width of their coordinates. */
const SPAN = 300;
/** How far apart samples are, in ms, and how far if some are missing. */
const SAMPLE = 1_000, GAP = 3_000;
/** Over how many ms the throughput is measured. */
const RATE_SPAN = 2_000;
/** How long, in ms, the page goes without news, and until it tries again to get some. */
const PATIENCE = 3_000, PAUSE = 1_000;
const MAX_EVENTS = 200;

/** @type {Record<string, (worker: number) => string>} */
const meanings = {
  workerstart: (worker) => `Worker ${worker} takes tasks`,
  workerretire: (worker) => `Worker ${worker} was ended: nothing needs it`,
  workererror: (worker) => `Worker ${worker} could not be started`,
  workercrash: (worker) => `Worker ${worker} died`,
  workerstuck: (worker) => `Worker ${worker} was given up: it does not end its task`,
  workerback: (worker) => `Worker ${worker} has ended its task, and burns its core no more`,
  queuefull: () => "The queue is full: tasks are refused",
};

const integers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const measures = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** @type {(ms: number) => string} */
const duration = (ms) =>
  ms < 999.5 ? `${measures.format(ms)} ms` : `${measures.format(ms / 1_000)} s`;

/** @type {(root: ParentNode, selector: string) => HTMLElement} */
const find = (root, selector) => /** @type {HTMLElement} */ (root.querySelector(selector));

/** @type {(root: ParentNode, selector: string) => HTMLElement[]} */
const findAll = (root, selector) =>
  [...root.querySelectorAll(selector)].map((found) => /** @type {HTMLElement} */ (found));

/** @type {(id: string) => DocumentFragment} */
const copyOf = (id) => {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {DocumentFragment} */ (template.content.cloneNode(true));
};

/** @type {(sample: Sample, now: number) => string} */
const x = ({ time }, now) => (SPAN - (now - time) / 1_000).toFixed(2);

/** A line through all samples, broken where some are missing.
 * @type {(samples: Sample[], now: number, y: (sample: Sample) => number) => string} */
const line = (samples, now, y) =>
  samples.map((sample, i) => {
    const joined = i > 0 && sample.time - samples[i - 1].time < GAP;
    return `${joined ? "L" : "M"}${x(sample, now)} ${y(sample).toFixed(3)}`;
  }).join("");

/** An area, made of a bar for each sample.
 * @type {(samples: Sample[], now: number, from: (sample: Sample) => number, to: (sample: Sample) => number) => string} */
const area = (samples, now, from, to) =>
  samples.map((sample) => `M${x(sample, now)} ${from(sample).toFixed(3)}V${to(sample).toFixed(3)}`)
    .join("");

/** Where a time is on a scale that ends with 10 s at the top, and has a tenth with each step down.
 * @type {(ms: number) => number} */
const y = (ms) => 4 - Math.max(-1, Math.min(4, Math.log10(ms)));

/** Fills a chart of percentiles, which there are once a task has run; returns what draws it.
 * @type {(root: HTMLElement, times: Times) => (samples: Sample[], now: number) => void} */
function chart(root, times) {
  const title = find(root, "figcaption").textContent;
  root.append(copyOf("chart"));
  find(root, "svg").ariaLabel = `${title}, p50 and p99, over five minutes`;
  return (all, now) => {
    const samples = all.filter(({ runTime }) => runTime.p99 > 0);
    const latest = samples.at(-1)?.[times];
    for (const share of /** @type {const} */ (["p50", "p95", "p99"])) {
      find(root, `[data-time=${share}]`).textContent = latest ? duration(latest[share]) : "";
    }
    const p50 = (/** @type {Sample} */ sample) => y(sample[times].p50);
    const p99 = (/** @type {Sample} */ sample) => y(sample[times].p99);
    find(root, ".area").setAttribute("d", area(samples, now, p50, p99));
    find(root, ".p50").setAttribute("d", line(samples, now, p50));
    find(root, ".p99").setAttribute("d", line(samples, now, p99));
  };
}

/** Fills a small chart of how high something was; returns what draws it.
 * @type {(root: HTMLElement, level: Level) => (samples: Sample[], now: number) => void} */
function spark(root, level) {
  root.append(copyOf("spark"));
  return (samples, now) => {
    const peak = Math.max(...samples.map((sample) => sample[level]));
    const height = (/** @type {Sample} */ sample) => 1 - sample[level] / (peak || 1);
    find(root, ".area").setAttribute("d", area(samples, now, () => 1, height));
    find(root, "span").textContent = `peak ${measures.format(peak)}`;
  };
}

/** Adds the panel of a pool; returns what shows its counts of a moment.
 * @type {(title: string, about: string) => (now: number, stats: Stats) => void} */
function panel(title, about) {
  find(document, "main").append(copyOf("pool"));
  const root = find(document, "main > :last-child");
  find(root, "h2 span").textContent = title;
  find(root, "h2 small").textContent = about;
  const drawings = [
    spark(find(root, "[data-spark=queued]"), "queued"),
    spark(find(root, "[data-spark=rate]"), "rate"),
    chart(find(root, "[data-chart=queueTime]"), "queueTime"),
    chart(find(root, "[data-chart=runTime]"), "runTime"),
  ];
  /** @type {Sample[]} */
  const samples = [];
  /** @type {{ time: number, completed: number }[]} */
  const recent = [];

  return (now, stats) => {
    recent.push({ time: now, completed: stats.completed });
    while (now - recent[0].time > RATE_SPAN) recent.shift();
    const [first] = recent;
    // Less than before: it is another server.
    const gained = Math.max(0, stats.completed - first.completed);
    const rate = gained && gained / (now - first.time) * 1_000;
    const starting = stats.workers - stats.idle - stats.busy;
    /** @type {Record<string, any>} */
    const numbers = { ...stats, starting, rate };
    for (const shown of findAll(root, "[data-number]")) {
      shown.textContent = integers.format(numbers[shown.dataset.number ?? ""]);
    }
    showWorkers(find(root, ".workers"), numbers);

    const latest = samples.at(-1);
    if (latest !== undefined && now - latest.time < SAMPLE) {
      latest.queued = Math.max(latest.queued, stats.queued);
      return;
    }
    samples.push({ ...stats, time: now, rate, queued: stats.queued });
    while (now - samples[0].time > SPAN * 1_000) samples.shift();
    for (const draw of drawings) draw(samples, now);
  };
}

/** A square for each worker, in the colour of its state.
 * @type {(root: HTMLElement, numbers: Record<string, number>) => void} */
function showWorkers(root, numbers) {
  const states = ["busy", "idle", "starting", "stuck"].flatMap((state) =>
    Array(numbers[state]).fill(state)
  );
  while (root.childElementCount > states.length) root.lastElementChild?.remove();
  while (root.childElementCount < states.length) root.append(document.createElement("i"));
  states.forEach((state, i) => root.children[i].className = state);
}

/** Adds a line to the log, at the top.
 * @type {(time: number, type: string, where: string, text: string) => void} */
function note(time, type, where, text) {
  const entry = document.createElement("li");
  entry.className = type;
  for (const part of [clock.format(time), where, type, text]) {
    entry.appendChild(document.createElement("span")).textContent = part;
  }
  const log = find(document, "#events ol");
  log.prepend(entry);
  if (log.childElementCount > MAX_EVENTS) log.lastElementChild?.remove();
}

const panels = {
  blocking: panel("Blocking", "Files, databases, FFI: with the program's permissions"),
  cpu: panel("CPU", "Computation: with no permissions"),
};

/** @type {(connected: boolean) => void} */
function showConnection(connected) {
  const text = connected ? "Live" : "Disconnected, trying again";
  const status = find(document, "#connection");
  if (status.textContent === text) return;
  status.textContent = text;
  document.body.classList.toggle("lost", !connected);
  const what = connected ? "The server tells what goes on" : "The server tells nothing any more";
  note(Date.now(), connected ? "connected" : "disconnected", "page", what);
}

function connect() {
  const source = new EventSource("dashboard/events");
  const lost = () => {
    clearTimeout(overdue);
    source.close();
    showConnection(false);
    setTimeout(connect, PAUSE);
  };
  let overdue = setTimeout(lost, PATIENCE);
  source.onerror = lost;
  source.addEventListener("stats", ({ data }) => {
    clearTimeout(overdue);
    overdue = setTimeout(lost, PATIENCE);
    showConnection(true);
    const { time, blocking, cpu } = JSON.parse(data);
    panels.blocking(time, blocking);
    panels.cpu(time, cpu);
  });
  source.addEventListener("happened", ({ data }) => {
    const { time, type, pool, worker, cause } = JSON.parse(data);
    note(time, type, pool, meanings[type](worker) + (cause === undefined ? "" : `: ${cause}`));
  });
}

for (const button of findAll(document, "button")) {
  button.addEventListener("click", async () => {
    button.ariaBusy = "true";
    const text = await fetch(`dashboard/${button.id}`, { method: "POST" })
      .then(async (response) => (await response.json()).message)
      .catch(() => "The server does not answer");
    button.ariaBusy = null;
    note(Date.now(), button.id, "you", text);
  });
}

connect();
