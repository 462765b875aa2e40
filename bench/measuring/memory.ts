/** The memory of this process, from the system. */

import { readFileSync } from "node:fs";
import process from "node:process";

/** The most memory of this process so far, in MB. */
export function peakMemory(): number {
  const [, kB] = /VmHWM:\s+(\d+)/.exec(read("/proc/self/status")) ?? [];
  return kB === undefined ? residentMemory() : Number(kB) / 1_024;
}

/** How much memory this process has now, in MB. */
export function residentMemory(): number {
  return process.memoryUsage().rss / 1_024 ** 2;
}

/** How often this process has touched a missing page of memory; 0 if unknown. */
export function pageFaults(): number {
  // After the name, which may have spaces: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const fields = read("/proc/self/stat").replace(/^.*\) /, "").split(" ");
  return Number(fields[7] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
