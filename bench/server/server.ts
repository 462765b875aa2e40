/** Servers in processes. */

/** A listening server. */
export interface Server extends AsyncDisposable {
  readonly url: string;
}

/** The function `start` of each server module: starts a server over a database. */
export type StartServer = (database: string) => Promise<Server>;

/** Starts a program that prints `http://…` when it listens. */
export async function spawnServer(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const child = new Deno.Command(command, {
    args: [...args],
    env: { ...env },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const stop = async () => {
    try {
      child.kill("SIGKILL");
    } catch { /* It has ended. */ }
    await child.status;
  };
  const url = await announcedUrl(child.stdout);
  if (url === undefined) {
    await stop();
    throw new Error("The server did not start");
  }
  return { url, [Symbol.asyncDispose]: stop };
}

async function announcedUrl(
  stdout: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<string | undefined> {
  let printed = "";
  const texts = stdout.pipeThrough(new TextDecoderStream());
  for await (const text of texts.values({ preventCancel: true })) {
    printed += text;
    const url = /(http:\S+)\n/.exec(printed)?.[1];
    if (url !== undefined) return url;
  }
}
