/** Tasks that end when a test wants that: a task that computes for a second may end too soon. */

/** A task that nothing ends but its gate: no abort does. */
export function block(gate: Int32Array): void {
  Atomics.wait(gate as Int32Array<SharedArrayBuffer>, 0, 0);
}

/** What the workers of tasks wait at, {@linkcode block} among them. */
export interface Gate {
  readonly gate: Int32Array;
  /** Ends all that wait, and those that come later. */
  open(): void;
}

/** A closed gate. */
export function newGate(): Gate {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  return {
    gate,
    open() {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    },
  };
}
