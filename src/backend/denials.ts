/**
 * What this program is denied within what it is granted.
 *
 * Deno copies denials to a worker, but a process has only the flags that it is started with. Deno
 * lists no denials; it answers whether one permission is granted. For a folder the answer tells of
 * denials inside of the folder. For a host the answer does not tell of its ports, nor of the
 * addresses that its name leads to: so those are asked for one by one.
 */

import { stateOf } from "./permission_states.ts";

/** The permissions whose scopes are hosts. */
export type HostPermission = "net" | "import";

/** Parts of a host, as permissions name it. */
interface HostParts {
  /** The host, as flags name it. */
  readonly host: string;
  readonly port: string | undefined;
  /** Whether the host is an address; any other is a name that leads to addresses. */
  readonly isAddress: boolean;
}

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const HOST = new RegExp(
  `^(?:(?<address>${OCTET}(?:\\.${OCTET}){3}|\\[[^\\]]+\\])|[\\w.-]+)(?::(?<port>\\d+))?$`,
);
/** Scopes that Deno compares as a whole. */
const WHOLE = /^(?:unix|vsock):/;

/** More denied ports than these are not written into flags. */
const MAX_DENIED_PORTS = 1_000;

/**
 * Addresses that programs are denied, so that no name leads to them: of this machine, of private
 * networks, and of the services that clouds have for their machines. Denied networks are noticed
 * by any address inside.
 */
const PRIVATE_ADDRESSES = [
  "0.0.0.0",
  "10.0.0.1",
  "10.255.255.254",
  "100.64.0.1",
  "100.100.100.200",
  "127.0.0.1",
  "127.0.0.2",
  "127.0.1.1",
  "127.255.255.254",
  "168.63.129.16",
  "169.254.169.254",
  "169.254.170.2",
  "172.16.0.1",
  "172.17.0.1",
  "172.31.255.254",
  "192.168.0.1",
  "192.168.1.1",
  "192.168.255.254",
  "[::]",
  "[::1]",
  "[fc00::1]",
  "[fd00:ec2::254]",
  "[fd00::1]",
  "[fe80::1]",
];
/** The addresses of this machine, where each port is another service. */
const OWN_ADDRESSES = ["127.0.0.1", "[::1]"];
/** The ports that are tried of the other addresses. */
const USUAL_PORTS = ["80", "443"];

/** A host all of whose ports are asked for. */
interface Scan {
  readonly name: HostPermission;
  readonly host: string;
}

/** What came of a scan: the ports that are denied, by permission and host. */
const scanned = new Map<string, readonly number[]>();

const keyOf = ({ name, host }: Scan) => `${name} ${host}`;

/** Whether a scope is one host, or a socket, and no form that covers several. */
export function isHost(scope: string): boolean {
  return WHOLE.test(scope) || HOST.test(scope);
}

/** What of a host cannot be given to a process, or the ports that it must be denied. */
export type HostDenials = { readonly refusal: string } | { readonly ports: readonly string[] };

/** What this program is denied of a host that it is granted. */
export function hostDenials(name: HostPermission, scope: string): HostDenials {
  if (isWhole(name) || WHOLE.test(scope)) return { ports: [] };
  const parts = partsOf(scope);
  if (parts === undefined) {
    return { refusal: "Deno does not tell whether all of that is granted; name single hosts" };
  }
  if (!parts.isAddress && mayBeDeniedAddresses(name, parts)) {
    return {
      refusal:
        "the program is denied some addresses or hosts, which Deno does not list, and this " +
        'name may lead to one; name addresses, or use isolation: "worker"',
    };
  }
  if (parts.port !== undefined) return { ports: [] };
  const ports = scanned.get(keyOf({ name, host: parts.host }));
  // Permissions have changed since the start.
  if (ports === undefined) return { refusal: "its denied ports are not known; name the ports" };
  if (ports.length > MAX_DENIED_PORTS) {
    return { refusal: `${ports.length} of its ports are denied; name the ports` };
  }
  return { ports: ports.map((port) => `${parts.host}:${port}`) };
}

/**
 * Finds out what {@linkcode hostDenials} has to know of these hosts.
 *
 * A worker asks, which has the permissions of this program: Deno keeps all answers for as long as
 * the thread lives that has asked for them.
 */
export async function learnHostDenials(
  scopes: Iterable<readonly [name: HostPermission, scope: string]>,
): Promise<void> {
  const scans = new Map<string, Scan>();
  for (const [name, scope] of scopes) {
    if (isWhole(name)) continue;
    const parts = partsOf(scope);
    if (parts === undefined || WHOLE.test(scope) || parts.port !== undefined) continue;
    const hosts = parts.isAddress ? [parts.host] : [parts.host, ...OWN_ADDRESSES];
    for (const host of hosts) {
      const scan: Scan = { name, host };
      if (!scanned.has(keyOf(scan))) scans.set(keyOf(scan), scan);
    }
  }
  if (scans.size === 0) return;
  const found = await scan([...scans.values()]);
  Array.from(scans.keys(), (key, i) => scanned.set(key, found[i]!));
}

/** Whether nothing is denied of a permission: then nothing is denied of its scopes. */
function isWhole(name: HostPermission): boolean {
  const { state, partial } = stateOf(name);
  return state === "granted" && !partial;
}

function partsOf(scope: string): HostParts | undefined {
  const groups = HOST.exec(scope)?.groups;
  if (groups === undefined) return undefined;
  const { address, port } = groups;
  const host = port === undefined ? scope : scope.slice(0, -port.length - 1);
  return { host, port, isAddress: address !== undefined };
}

/** Whether this program may be denied addresses, as far as that can be known. */
function mayBeDeniedAddresses(name: HostPermission, { port }: HostParts): boolean {
  // All is granted, but for what Deno does not tell.
  if (stateOf(name).partial) return true;
  const ports = port === undefined ? USUAL_PORTS : [port];
  const isDenied = (host: string) => stateOf(name, host).state === "denied";
  return PRIVATE_ADDRESSES.some((address) =>
    ports.some((port) => isDenied(`${address}:${port}`))
  ) ||
    port === undefined &&
      OWN_ADDRESSES.some((host) => scanned.get(keyOf({ name, host }))?.length !== 0);
}

/** The source of the worker: it sends the ports that are denied, of each host. */
function scanSource(scans: readonly Scan[]): string {
  return `const isDenied = (name, host) => Deno.permissions.querySync({ name, host }).state === "denied";
const found = ${JSON.stringify(scans)}.map(({ name, host }) => {
  const ports = [];
  for (let port = 0; port < 65_536; port++) if (isDenied(name, host + ":" + port)) ports.push(port);
  return ports;
});
postMessage(found);`;
}

function scan(scans: readonly Scan[]): Promise<readonly number[][]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly number[][]>();
  const options = { __proto__: null, type: "module", name: "permissions" };
  const worker = new Worker(
    `data:text/javascript,${encodeURIComponent(scanSource(scans))}`,
    options as WorkerOptions & { type: "module" },
  );
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`Cannot find out what this program is denied: ${event.message}`));
  };
  return promise.finally(() => worker.terminate());
}
