/** Files to archive, for who has none at hand. */

const LEVELS = ["debug", "info", "info", "info", "warning", "error"];
const EVENTS = ["answered", "connected", "found nothing", "gave up", "retried", "stored", "waited"];
const FILES_IN_A_FOLDER = 100;
const MAX_LINES = 400;

/** Blocks: makes so many files, the same each time, and yields their paths in the folder. */
export function* makeSamples(folder: string, files: number): Generator<string> {
  const below = randomIntegers(2025);
  for (let file = 0; file < files; file++) {
    const day = `day-${padded(Math.floor(file / FILES_IN_A_FOLDER), 3)}`;
    if (file % FILES_IN_A_FOLDER === 0) {
      Deno.mkdirSync(`${folder}/${day}`, { recursive: true });
    }
    const path = `${day}/host-${padded(file % FILES_IN_A_FOLDER, 2)}.log`;
    Deno.writeTextFileSync(`${folder}/${path}`, log(below));
    yield path;
  }
}

/** The log of some service. */
function log(below: (limit: number) => number): string {
  const lines = Array.from({ length: 1 + below(MAX_LINES) }, () => {
    const time = `${padded(below(24), 2)}:${padded(below(60), 2)}`;
    return `${time} ${pick(LEVELS)}: client ${below(5_000)} ${pick(EVENTS)} in ${below(900)} ms\n`;
  });
  return lines.join("");

  function pick(words: string[]): string {
    return words[below(words.length)]!;
  }
}

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}

/** Random integers from 0 to below a limit; the same ones for the same seed. */
function randomIntegers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}
