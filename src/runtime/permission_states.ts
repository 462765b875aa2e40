/**
 * What this program is granted, as Deno answers. Descriptors have no prototype: a property of
 * `Object.prototype` would change what is asked.
 */

/** The permissions there are, by what the scope of each is called in a descriptor. */
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

/** What a permission is called. */
export type PermissionName = keyof typeof SCOPES;

/** All permissions. */
export const permissionNames = Object.keys(SCOPES) as readonly PermissionName[];

/**
 * What Deno says of a permission.
 *
 * @param scope A path, a host or a name; without it all of the permission is asked for.
 * @throws {Error} If Deno cannot read the scope.
 */
export function stateOf(name: PermissionName, scope?: string | URL): Deno.PermissionStatus {
  return Deno.permissions.querySync(descriptorOf(name, scope));
}

/** What Deno says of a permission when it has asked the user, if there is one to ask. */
export function askFor(name: PermissionName, scope: string): Deno.PermissionStatus {
  return Deno.permissions.requestSync(descriptorOf(name, scope));
}

function descriptorOf(name: PermissionName, scope?: string | URL): Deno.PermissionDescriptor {
  const descriptor: Record<string, unknown> = { __proto__: null, name };
  if (scope !== undefined) descriptor[SCOPES[name]] = scope;
  return descriptor as unknown as Deno.PermissionDescriptor;
}

/** Whether this program has a permission, and all of it, as far as Deno tells. */
export function isGranted(name: PermissionName, scope?: string): boolean {
  try {
    const { state, partial } = stateOf(name, scope);
    return state === "granted" && !partial;
  } catch {
    // A scope that Deno has a form for in flags only, such as *.example.com.
    return false;
  }
}
