import { fileURLToPath } from "node:url";
import { WorkerStartError } from "./errors.ts";

/** The permissions there are, by the flag that grants each, and what one of them is for. */
const scopes = {
  read: (path: string) => ({ name: "read", path }),
  write: (path: string) => ({ name: "write", path }),
  net: (host: string) => ({ name: "net", host }),
  env: (variable: string) => ({ name: "env", variable }),
  sys: (kind: string) => ({ name: "sys", kind }) as Deno.SysPermissionDescriptor,
  run: (command: string) => ({ name: "run", command }),
  ffi: (path: string) => ({ name: "ffi", path }),
  import: (host: string) => ({ name: "import", host }),
} satisfies Record<string, (scope: string) => Deno.PermissionDescriptor>;

type Name = keyof typeof scopes;

/** A name that no host has. */
const NO_HOST = "none.invalid";

/**
 * The flags that give a process these permissions, and no more than this program has.
 *
 * @param hosts Whence modules may be imported in any case.
 * @throws {WorkerStartError} If it has not got them itself, or they cannot be said with flags.
 */
export function permissionFlags(
  permissions: Deno.PermissionOptions,
  hosts: Iterable<string>,
): string[] {
  const flags: string[] = [];
  const imports = new Set(hosts);
  for (const name of Object.keys(scopes) as Name[]) {
    const granted = grant(name, wantedOf(permissions, name));
    if (granted === true) flags.push(`--allow-${name}`);
    else if (name === "import") granted.forEach((host) => imports.add(host));
    else if (granted.length > 0) flags.push(`--allow-${name}=${granted.join()}`);
    // There is always this flag: without any Deno would grant its child everything, and without
    // this one imports from its default hosts, which --deny-import does not prevent.
    if (name === "import" && granted !== true) {
      flags.push(`--allow-import=${[...imports].join() || NO_HOST}`);
    }
  }
  return flags;
}

/** What of these permissions this program has not got. */
export function missingPermissions(permissions: Deno.PermissionOptions): string[] {
  return (Object.keys(scopes) as Name[]).flatMap((name) => {
    const wanted = wantedOf(permissions, name);
    if (wanted === false || wanted === "inherit") return [];
    if (wanted === true) return isGranted({ name } as Deno.PermissionDescriptor) ? [] : [name];
    return scopesIn(wanted)
      .filter((scope) => !isGranted(scopes[name](scope)))
      .map((scope) => `${name} permission for "${scope}"`);
  });
}

/** What these options say of one permission. */
export function wantedOf(permissions: Deno.PermissionOptions, name: Name): unknown {
  if (typeof permissions === "string") return permissions === "inherit" && permissions;
  return (permissions as Record<string, unknown>)[name] ?? false;
}

/** What of a permission is granted: all of it, or these scopes. */
function grant(name: Name, wanted: unknown): true | string[] {
  if (wanted === false) return [];
  if (wanted === "inherit") return isGranted({ name } as Deno.PermissionDescriptor) ? true : [];
  if (wanted === true) {
    assertGranted(name, { name } as Deno.PermissionDescriptor);
    return true;
  }
  return scopesIn(wanted).map((scope) => {
    if (scope.includes(",")) {
      throw new WorkerStartError(
        `Cannot give a process ${name} permission for "${scope}": a comma cannot be said in a flag`,
      );
    }
    assertGranted(`${name} permission for "${scope}"`, scopes[name](scope));
    return scope;
  });
}

/** The paths, hosts or names that an option lists. */
function scopesIn(wanted: unknown): string[] {
  const given = Array.isArray(wanted) ? wanted : [wanted];
  return given.map((item) => item instanceof URL ? fileURLToPath(item) : String(item));
}

function assertGranted(what: string, descriptor: Deno.PermissionDescriptor): void {
  if (isGranted(descriptor)) return;
  throw new WorkerStartError(
    `Cannot give a process ${what}: this program has not got it, or not all of it`,
  );
}

/** Whether this program has a permission, and all of it. */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  const { state, partial } = Deno.permissions.querySync(descriptor);
  return state === "granted" && !partial;
}
