import { until } from "./waiting.ts";

/**
 * What a container can limit: processor time (1.5 is all of one processor and half of another one),
 * memory in bytes, or how many threads there are.
 */
export type Limited = "cpus" | "memory" | "threads";

const ROOT = "/sys/fs/cgroup";
const PERIOD_US = 100_000;

/** Whether control groups are of version 2. */
const isSecond = exists(`${ROOT}/cgroup.controllers`);

/** For each kind of limit: the folder of groups, and the files of a group with their contents. */
const hierarchies: Record<Limited, (limit: number) => { parent: string; files: string[][] }> = {
  cpus: (limit) => {
    const quota = `${limit * PERIOD_US}`;
    const files = [["cpu.cfs_period_us", `${PERIOD_US}`], ["cpu.cfs_quota_us", quota]];
    return isSecond
      ? { parent: ROOT, files: [["cpu.max", `${quota} ${PERIOD_US}`]] }
      : { parent: `${ROOT}/cpu`, files };
  },
  memory: (limit) =>
    isSecond
      ? { parent: ROOT, files: [["memory.max", `${limit}`]] }
      : { parent: `${ROOT}/memory`, files: [["memory.limit_in_bytes", `${limit}`]] },
  threads: (limit) => ({
    parent: isSecond ? ROOT : `${ROOT}/pids`,
    files: [["pids.max", `${limit}`]],
  }),
};

/** Processes that share a limit, as the processes of a container do. */
export class ControlGroup implements AsyncDisposable {
  readonly folder: string;

  constructor(limited: Limited, limit: number) {
    const { parent, files } = hierarchies[limited](limit);
    this.folder = `${parent}/executor-test-${crypto.randomUUID()}`;
    Deno.mkdirSync(this.folder);
    try {
      for (const [name, text] of files) Deno.writeTextFileSync(`${this.folder}/${name}`, text!);
    } catch (error) {
      Deno.removeSync(this.folder);
      throw error;
    }
  }

  /** The words before a command that run the command in this group. */
  get entering(): string[] {
    return ["sh", "-c", `echo $$ > ${this.folder}/cgroup.procs && exec "$0" "$@"`];
  }

  /** Removes the group as soon as all its processes have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await until(() => {
      try {
        Deno.removeSync(this.folder);
      } catch { /* The last of its processes is ending. */ }
      return !exists(this.folder);
    });
  }
}

/** Whether this program may make groups with such a limit. */
export async function canLimit(limited: Limited): Promise<boolean> {
  try {
    await using _ = new ControlGroup(limited, 1_000);
    return true;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
