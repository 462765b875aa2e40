import { expose, transfer } from "npm:comlink@4.4.2";
import * as tasks from "../tasks.ts";

export const exposed = {
  ...tasks,
  move: (bytes: Uint8Array<ArrayBuffer>) => transfer(bytes, [bytes.buffer]),
};

expose(exposed);
