/**
 * The permissions of this program, as Deno answers, and the permissions that it lacks. Descriptors have no prototype: a property of
 * `Object.prototype` would change the question.
 */

/** All permissions, each with the property of a descriptor that has the permission's scope. */
const SCOPES = {
  read: "path",
  write: "path",
  net: "host",
  env: "variable",
  sys: "kind",
  run: "command",
  ffi: "path",
  import: "host",
} as const;

/** The name of a permission. */
export type PermissionName = keyof typeof SCOPES;

/** All permissions. */
export const permissionNames = Object.keys(SCOPES) as readonly PermissionName[];

/**
 * The state of a permission.
 *
 * @param scope A path, a host or a name; by default the whole permission.
 * @throws {Error} If Deno cannot read the scope.
 */
export function stateOf(name: PermissionName, scope?: string | URL): Deno.PermissionStatus {
  return Deno.permissions.querySync(descriptorOf(name, scope));
}

/** The state of a permission after Deno has asked the user, if there is a terminal. */
export function askFor(name: PermissionName, scope: string): Deno.PermissionStatus {
  return Deno.permissions.requestSync(descriptorOf(name, scope));
}

function descriptorOf(name: PermissionName, scope?: string | URL): Deno.PermissionDescriptor {
  const descriptor: Record<string, unknown> = { __proto__: null, name };
  if (scope !== undefined) descriptor[SCOPES[name]] = scope;
  return descriptor as unknown as Deno.PermissionDescriptor;
}

/** Whether this program has the whole permission, as far as Deno tells. */
export function isGranted(name: PermissionName, scope?: string): boolean {
  try {
    const { state, partial } = stateOf(name, scope);
    return state === "granted" && !partial;
  } catch {
    // The scope has a form that Deno knows in flags only, such as *.example.com.
    return false;
  }
}

/** The parts of these permissions that this program lacks. */
export function missingPermissions(permissions: Deno.PermissionOptions): string[] {
  return permissionNames.flatMap((name) => {
    const wanted = wantedOf(permissions, name);
    if (wanted === false || wanted === "inherit") return [];
    if (wanted === true) return isGranted(name) ? [] : [name];
    return namesOf(wanted)
      .filter((scope) => !isGranted(name, scope))
      .map((scope) => `${name} permission for "${scope}"`);
  });
}

/**
 * The names of environment variables with a `*` that this program lacks. Deno gives a worker all
 * variables that match `AB*` when the program has no more than the variable `A`.
 */
export function missingPatterns(permissions: Deno.PermissionOptions): string[] {
  const wanted = wantedOf(permissions, "env");
  if (typeof wanted !== "object") return [];
  return namesOf(wanted).filter((scope) => isPattern(scope) && !isGranted("env", scope));
}

/** The part of these options, which are complete, for a single permission. */
export function wantedOf(
  permissions: Deno.PermissionOptions,
  name: PermissionName,
): "inherit" | boolean | readonly (string | URL)[] {
  if (typeof permissions === "string") return permissions === "inherit" && permissions;
  return permissions[name] ?? false;
}

/** Whether the name of an environment variable is a pattern, such as `HO*`. */
export function isPattern(name: string): boolean {
  return name.endsWith("*");
}

/** The paths, hosts or names that an option lists. */
function namesOf(wanted: readonly (string | URL)[]): string[] {
  return wanted.map((item) => item instanceof URL ? pathOf(item) : item);
}

/**
 * The path of a file, by its URL. Not by `fileURLToPath()`: Deno takes some 15 ms to load the first
 * module of Node's.
 */
function pathOf({ hostname, pathname }: URL): string {
  const path = decodeURIComponent(pathname);
  if (Deno.build.os !== "windows") return path;
  const local = path.replaceAll("/", "\\");
  return hostname === "" ? local.slice(1) : `\\\\${hostname}${local}`;
}
