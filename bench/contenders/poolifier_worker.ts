import { ThreadWorker } from "npm:poolifier@5.3.2";
import * as tasks from "../tasks.ts";

// The pool waits for the exit of a worker that it has told to stop, and misses one that is gone
// before that: this keeps the worker until it is terminated.
setInterval(() => {}, 1 << 30);

export default new ThreadWorker({ ...tasks } as never);
