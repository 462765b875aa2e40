/**
 * Has Node find packages that modules name in Deno's way, such as
 * `npm:piscina@5.3.2`. Node loads this module first, in each thread: `node --import`.
 */

import { registerHooks } from "node:module";

/** Where npm has put the packages; see install.ts. */
const parentURL = new URL("../.node/package.json", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const [, name, rest = ""] = /^npm:((?:@[^/]+\/)?[^@/]+)(?:@[^/]+)?(\/.*)?$/.exec(specifier) ??
      [];
    return name === undefined
      ? next(specifier, context)
      : next(name + rest, { ...context, parentURL });
  },
});
