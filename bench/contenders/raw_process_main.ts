import process from "node:process";
import * as tasks from "../tasks.ts";

process.on("message", ([task, arg]: [task: "echo", arg: unknown]) => {
  process.send!(tasks[task](arg));
});
process.send!("ready");
