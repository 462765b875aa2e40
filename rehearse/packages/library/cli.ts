/** A program that is run from the registry. @module */

import { Executor } from "@genro/executor";
import { digestOf } from "./mod.ts";

const isolation = Deno.args[0] === "process" ? "process" : "worker";
await using executor = await Executor.start({ cpu: { isolation } });
console.log(await digestOf(executor, "a text"));
