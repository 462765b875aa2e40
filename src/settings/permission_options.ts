import { permissionNames } from "../runtime/permission_states.ts";
import { ownOptions, wrongType } from "./checks.ts";

/**
 * A checked copy of permissions. A copy, as a later change of the caller's object must grant nothing.
 * The copy has each permission, and no prototype: Deno looks for a missing permission on
 * `Object.prototype`.
 */
export function permissionOptions(name: string, value: unknown): Deno.PermissionOptions {
  if (value === "inherit" || value === "none") return value;
  if (typeof value !== "object" || value === null) {
    throw wrongType(name, '"inherit", "none" or an object', value);
  }
  const own = ownOptions(name, value, permissionNames);
  const copy: Record<string, unknown> = { __proto__: null };
  for (const key of permissionNames) copy[key] = permission(`${name}.${key}`, own(key));
  return Object.freeze(copy);
}

/** One permission, checked. */
function permission(name: string, value: unknown): unknown {
  if (value === undefined) return false;
  if (typeof value === "boolean" || value === "inherit") return value;
  const expected = 'true, false, "inherit" or an array of names and file URLs';
  if (!Array.isArray(value)) throw wrongType(name, expected, value);
  return Object.freeze(Array.from(value, (item: unknown) => {
    if (typeof item === "string" && item !== "") return item;
    if (!(item instanceof URL && item.protocol === "file:")) throw wrongType(name, expected, item);
    return new URL(item);
  }));
}
