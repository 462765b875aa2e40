/** Real work, each with a library of npm. */

/** A module of work. */
interface Job {
  /** Makes the input of `run`. */
  input(): unknown;
  // deno-lint-ignore no-explicit-any -- each job its own
  run(input: any): unknown;
}

const imports = {
  jpeg: () => import("./jpeg.ts"),
  csv: () => import("./csv.ts"),
  markdown: () => import("./markdown.ts"),
  ssr: () => import("./ssr.ts"),
  json: () => import("./json.ts"),
  argon2: () => import("./argon2.ts"),
  zip: () => import("./zip.ts"),
};

/** The name of a module of work. */
export type JobName = keyof typeof imports;

const loaded = new Map<JobName, Job>();

/** Does the work of a module; the first call loads the module. */
export function work(name: JobName, input: unknown): unknown {
  const job = loaded.get(name);
  return job === undefined ? load(name).then((job) => job.run(input)) : job.run(input);
}

/** Loads a module of work. */
export async function load(name: JobName): Promise<Job> {
  const job = await imports[name]();
  loaded.set(name, job);
  return job;
}
