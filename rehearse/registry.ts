import { parseTarGzip } from "npm:nanotar@0.3";

/** A version of a package. */
interface Version {
  readonly exports: Record<string, string>;
  /** What it consists of, by paths that begin with a slash. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * A registry on loopback that speaks JSR's protocol, as far as `deno` does: it is given packages
 * by `deno publish`, and serves their metadata and files. It accepts any token, and keeps nothing.
 *
 * @see https://jsr.io/docs/api
 */
export class Registry implements AsyncDisposable {
  readonly #packages = new Map<string, Map<string, Version>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #upstream: string | undefined;

  /**
   * Starts it.
   *
   * @param upstream Where packages are that were not published here.
   */
  constructor(upstream?: string) {
    this.#upstream = upstream;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  /** What `JSR_URL` must be. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** The versions that were published, as `@scope/name@version`. */
  get published(): string[] {
    return [...this.#packages].flatMap(([name, versions]) =>
      [...versions.keys()].map((version) => `${name}@${version}`)
    );
  }

  /** The paths of the files of a version. */
  filesOf(name: string, version: string): string[] {
    return [...this.#packages.get(name)?.get(version)?.files.keys() ?? []];
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const version = /^\/api\/scopes\/([^/]+)\/packages\/([^/]+)\/versions\/([^/]+)$/.exec(pathname);
    if (version !== null) {
      const name = `@${version[1]}/${version[2]}`;
      if (request.method === "POST") return await this.#publish(name, version[3]!, request);
      return this.#packages.get(name)?.has(version[3]!) ? Response.json({}) : notFound();
    }
    // Every package may be published.
    if (pathname.startsWith("/api/scopes/")) return Response.json({});
    return this.#serve(pathname) ?? await this.#ask(pathname);
  }

  /** Takes the archive that `deno publish` sends. */
  async #publish(name: string, version: string, request: Request): Promise<Response> {
    const config = new URL(request.url).searchParams.get("config")!;
    const entries = await parseTarGzip(await request.bytes());
    const files = new Map(
      entries.map(({ name, data }) => [`/${name}`, new Uint8Array(data!)]),
    );
    const { exports } = JSON.parse(new TextDecoder().decode(files.get(config)));
    let versions = this.#packages.get(name);
    if (versions === undefined) this.#packages.set(name, versions = new Map());
    versions.set(version, {
      exports: typeof exports === "string" ? { ".": exports } : exports,
      files,
    });
    return Response.json({ id: crypto.randomUUID(), status: "success", error: null });
  }

  #serve(pathname: string): Response | Promise<Response> | undefined {
    const [, name, file] = /^\/(@[^/]+\/[^/]+)\/(.+)$/.exec(pathname) ?? [];
    const versions = this.#packages.get(name!);
    if (versions === undefined) return undefined;
    if (file === "meta.json") {
      const all = [...versions.keys()];
      return Response.json({
        latest: all.at(-1),
        versions: Object.fromEntries(all.map((version) => [version, {}])),
      });
    }
    const [, number, path] = /^(\d[^/]*?)(_meta\.json|\/.*)$/.exec(file!) ?? [];
    const version = versions.get(number!);
    if (version === undefined) return notFound();
    if (path === "_meta.json") return manifest(version);
    const content = version.files.get(path!);
    return content === undefined ? notFound() : new Response(content);
  }

  async #ask(pathname: string): Promise<Response> {
    if (this.#upstream === undefined) return notFound();
    return await fetch(new URL(pathname, this.#upstream));
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function notFound(): Response {
  return Response.json({ code: "notFound", message: "There is no such thing" }, { status: 404 });
}

async function manifest({ exports, files }: Version): Promise<Response> {
  const entries = [...files].map(async ([path, content]) => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    return [path, { size: content.length, checksum: `sha256-${digest.toHex()}` }];
  });
  return Response.json({ manifest: Object.fromEntries(await Promise.all(entries)), exports });
}
