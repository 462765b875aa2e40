import * as z from "npm:zod@4.6.7";

const Users = z.array(z.object({
  id: z.number().int(),
  email: z.email(),
  name: z.string().min(1),
  roles: z.array(z.enum(["admin", "user"])),
  address: z.object({ street: z.string(), city: z.string(), zip: z.string().regex(/^\d{5}$/) }),
}));

/** About a megabyte of JSON. */
export function input(): string {
  return JSON.stringify(Array.from({ length: 6_000 }, (_, id) => ({
    id,
    email: `user${id}@example.com`,
    name: `User ${id}`,
    roles: id % 10 ? ["user"] : ["user", "admin"],
    address: { street: `${id} Main Street`, city: `City ${id % 100}`, zip: String(10_000 + id) },
  })));
}

/** The users in a text, checked by zod. */
export function run(text: string): unknown[] {
  return Users.parse(JSON.parse(text));
}
