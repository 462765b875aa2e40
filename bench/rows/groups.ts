/** All groups of rows. */

import { calls } from "./calls.ts";
import { options } from "./options.ts";
import type { Group } from "./workload.ts";

/** By the name that `--group` takes. */
export const groups: Readonly<Record<string, Group>> = { calls, options };
