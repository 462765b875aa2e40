/** What was archived. */
export interface Totals {
  files: number;
  /** The size of the files, before and after. */
  bytes: number;
  compressed: number;
}

/** Tells what was archived, in how many ms, and how many the event loop was blocked at most. */
export function summary({ files, bytes, compressed }: Totals, took: number, stall: number): string {
  const seconds = took / 1_000;
  const rate = files / seconds;
  const ratio = bytes / Math.max(1, compressed);
  return [
    `${files} files in ${seconds.toFixed(2)} s, ${rate.toFixed(0)} a second`,
    `${megabytes(bytes)} in, ${megabytes(compressed)} out, ${ratio.toFixed(2)} to 1`,
    `The event loop was blocked for ${stall.toFixed(1)} ms at most`,
  ].join("\n");
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
