import * as tasks from "../tasks.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown, transfer?: Transferable[]): void;
};

scope.onmessage = ({ data: [task, arg] }) => {
  if (task === "move") scope.postMessage(arg, [arg.buffer]);
  else scope.postMessage(tasks[task as "echo"](arg));
};
scope.postMessage("ready");
