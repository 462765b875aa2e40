/**
 * The permissions of this program, as Deno answers. Descriptors have no prototype: a property of
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
