import { parentPort } from "node:worker_threads";
import { work } from "../jobs/jobs.ts";

parentPort!.on("message", async ([id, job, input]) => {
  try {
    parentPort!.postMessage([id, await work(job, input)]);
  } catch (error) {
    parentPort!.postMessage([id, undefined, String(error)]);
  }
});
parentPort!.postMessage("ready");
