/**
 * The denials of this program within its own permissions, as --allow-net with --deny-net=127.0.0.1:80
 * has one.
 *
 * Deno copies denials to a worker, but a process has only the flags of its command line. Deno lists
 * no denials; Deno answers whether one permission is granted. For a folder the answer includes
 * denials inside of the folder. For a host the answer includes neither the host's ports nor the
 * addresses that a name leads to. So this module asks for ports and addresses one by one.
 */

import { isGranted, stateOf } from "../runtime/permission_states.ts";

/** The permissions whose scopes are hosts. */
export type HostPermission = "net" | "import";

/** Parts of a host, as permissions name it. */
interface HostParts {
  /** The host, as flags name it. */
  readonly host: string;
  readonly port: string | undefined;
  /** Whether the host is an address, and not a name, which leads to addresses. */
  readonly isAddress: boolean;
}

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const HOST = new RegExp(
  `^(?:(?<address>${OCTET}(?:\\.${OCTET}){3}|\\[[^\\]]+\\])|[\\w.-]+)(?::(?<port>\\d+))?$`,
);
/** Scopes that Deno compares as a whole. */
const WHOLE = /^(?:unix|vsock):/;

/** At most this many denied ports are written into a flag: a command line has a limit. */
const MAX_DENIED_PORTS = 1_000;

/**
 * The addresses that programs are usually denied: of this machine, of private networks, and of the
 * services that clouds have for their machines. One address is enough to notice a denied network.
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
/** Of the other addresses, only these ports are tried. */
const USUAL_PORTS = ["80", "443"];

/** A host all of whose ports are asked for. */
interface Scan {
  readonly name: HostPermission;
  readonly host: string;
}

/** The denied ports, by permission and host. A program's denials never change. */
const scanned = new Map<string, readonly number[]>();

const keyOf = ({ name, host }: Scan) => `${name} ${host}`;

/** Whether a scope is one host, or a socket, and no form that covers several. */
export function isHost(scope: string): boolean {
  return WHOLE.test(scope) || HOST.test(scope);
}

/** Why a process cannot be given a host, or the ports that the process must be denied. */
export type HostDenials = { readonly refusal: string } | { readonly ports: readonly string[] };

/** The denials of this program within a granted host. */
export function hostDenials(name: HostPermission, scope: string): HostDenials {
  if (isGranted(name) || WHOLE.test(scope)) return { ports: [] };
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
 * Prepares {@linkcode hostDenials} for these hosts.
 *
 * A worker with the permissions of this program asks for the ports: Deno keeps each answer until
 * the thread ends that has asked, and 65,536 questions take a quarter of a second.
 */
export async function learnHostDenials(
  scopes: Iterable<readonly [name: HostPermission, scope: string]>,
): Promise<void> {
  const scans = new Map<string, Scan>();
  for (const [name, scope] of scopes) {
    if (isGranted(name)) continue;
    const parts = partsOf(scope);
    if (parts === undefined || WHOLE.test(scope) || parts.port !== undefined) continue;
    // Refused, whatever its ports are.
    if (!parts.isAddress && stateOf(name).partial) continue;
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

function partsOf(scope: string): HostParts | undefined {
  const groups = HOST.exec(scope)?.groups;
  if (groups === undefined) return undefined;
  const { address, port } = groups;
  const host = port === undefined ? scope : scope.slice(0, -port.length - 1);
  return { host, port, isAddress: address !== undefined };
}

/** Whether this program may be denied addresses, as far as that can be known. */
function mayBeDeniedAddresses(name: HostPermission, { port }: HostParts): boolean {
  // All is granted, but for hosts that Deno does not tell.
  if (stateOf(name).partial) return true;
  const ports = port === undefined ? USUAL_PORTS : [port];
  const isDenied = (host: string) => stateOf(name, host).state === "denied";
  return PRIVATE_ADDRESSES.some((address) =>
    ports.some((port) => isDenied(`${address}:${port}`))
  ) ||
    port === undefined &&
      OWN_ADDRESSES.some((host) => scanned.get(keyOf({ name, host }))?.length !== 0);
}

/** The source of a worker that sends the denied ports of each host. */
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
