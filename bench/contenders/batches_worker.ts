import * as tasks from "../tasks.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<[task: "echo", args: unknown[]]>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: [task, args] }) => {
  const call = tasks[task];
  scope.postMessage(args.map((arg) => call(arg)));
};
scope.postMessage("ready");
