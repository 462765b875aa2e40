/** Tasks of this guide that are methods. */

import { taskContext } from "@genro/executor";

/** Multiplies by a factor of its own. */
export const scale = {
  factor: 2,
  apply(values: number[]): number[] {
    const context = taskContext();
    return values.map((value) => {
      context.throwIfAborted();
      return value * this.factor;
    });
  },
};
