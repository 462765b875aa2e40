import workerpool from "npm:workerpool@10.0.3";
import * as tasks from "../tasks.ts";

workerpool.worker({
  ...tasks,
  move: (bytes: Uint8Array<ArrayBuffer>) => new workerpool.Transfer(bytes, [bytes.buffer]),
});
