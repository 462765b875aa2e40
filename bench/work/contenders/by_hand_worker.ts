import { work } from "../jobs/jobs.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data: [id, job, input] }) => {
  try {
    scope.postMessage([id, await work(job, input)]);
  } catch (error) {
    scope.postMessage([id, undefined, String(error)]);
  }
};
scope.postMessage("ready");
