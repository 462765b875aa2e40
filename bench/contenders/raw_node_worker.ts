import { parentPort } from "node:worker_threads";
import * as tasks from "../tasks.ts";

parentPort!.on("message", ([task, arg]) => {
  if (task === "move") parentPort!.postMessage(arg, [arg.buffer]);
  else parentPort!.postMessage(tasks[task as "echo"](arg));
});
parentPort!.postMessage("ready");
