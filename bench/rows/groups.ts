/** All groups of rows. */

import { calls } from "./calls.ts";
import { options } from "./options.ts";
import { scale } from "./scale.ts";
import { server } from "./server.ts";
import { work } from "./work.ts";
import type { Group } from "./workload.ts";

/** By the names for `--group`. */
export const groups: Readonly<Record<string, Group>> = { calls, options, work, server, scale };
