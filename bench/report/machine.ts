import type { Machine } from "./results.ts";

/** Where the benchmark runs, and on which code. */
export async function machine(node: string | undefined): Promise<Machine> {
  const { total, free } = Deno.systemMemoryInfo();
  const commit = await commitOf();
  return {
    deno: Deno.version.deno,
    ...node !== undefined && { node },
    os: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    date: new Date().toISOString().slice(0, 10),
    ...commit !== undefined && { commit },
    memory: {
      total: Math.round(total / 1_024 ** 2),
      free: Math.round(free / 1_024 ** 2),
      hugePages: await hugePages(),
    },
  };
}

/**
 * Whether the system gives memory in huge pages: `always`, `madvise`, `never`. By a program, as Deno
 * itself reads from `/sys` only with all permissions.
 */
async function hugePages(): Promise<string> {
  const text = await printed("cat", "/sys/kernel/mm/transparent_hugepage/enabled");
  return /\[(\w+)\]/.exec(text ?? "")?.[1] ?? "unknown";
}

/** The short name of the commit; a plus follows if the code differs from the commit. */
async function commitOf(): Promise<string | undefined> {
  const head = await printed("git", "rev-parse", "--short=7", "HEAD");
  // The results that a run writes do not count.
  const changes = await printed("git", "status", "--porcelain", "--", "*.ts", "deno.json");
  return head && `${head}${changes ? "+" : ""}`;
}

/** The output of a program; `undefined` if the program fails or does not exist. */
async function printed(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args,
      cwd: `${import.meta.dirname}/../..`,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    // A machine without the program.
  }
}
