/** The work on one file, stage by stage. */

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import type { TaskContext } from "@genro/executor";

/** A file on its way from one folder to the other. */
export interface Item {
  /** Relative to both folders. */
  path: string;
  from: string;
  to: string;
}

/** A file in memory. */
export interface Content extends Item {
  data: Uint8Array<ArrayBuffer>;
}

/** A file that was hashed and compressed. */
export interface Compressed extends Content {
  /** Its size before. */
  bytes: number;
  sha256: string;
}

/** A line of the manifest. */
export interface Entry {
  path: string;
  bytes: number;
  compressed: number;
  sha256: string;
}

/** Blocks: the paths of all files below a folder, relative to it; links are not followed. */
export function* list(folder: string, below = ""): Generator<string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(`${folder}/${below}`)) {
    if (isDirectory) yield* list(folder, `${below}${name}/`);
    if (isFile) yield below + name;
  }
}

/** Blocks: reads a file. */
export function read(this: TaskContext, item: Item): Content {
  const data = Deno.readFileSync(`${item.from}/${item.path}`);
  return this.transfer({ ...item, data }, [data.buffer]);
}

/** Computes: hashes and compresses a file. */
export function compress(this: TaskContext, content: Content): Compressed {
  const sha256 = createHash("sha256").update(content.data).digest("hex");
  // A copy of just its size: a Buffer may be a view of more memory than its own.
  const data = new Uint8Array(gzipSync(content.data));
  return this.transfer({ ...content, bytes: content.data.length, data, sha256 }, [data.buffer]);
}

/** Blocks: writes a compressed file. */
export function write({ path, to, data, bytes, sha256 }: Compressed): Entry {
  const target = `${to}/${path}.gz`;
  Deno.mkdirSync(dirname(target), { recursive: true });
  Deno.writeFileSync(target, data);
  return { path, bytes, compressed: data.length, sha256 };
}
