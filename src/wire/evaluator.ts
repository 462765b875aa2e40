/** Evaluates the source of a function in the global scope. */
export type Evaluate = (source: string) => unknown;

/**
 * The source of an {@linkcode Evaluate}, for a module at a `data:` URL. The `eval` is indirect: so
 * a function sees the global scope alone. The source reads `eval` at once, as libraries such as SES
 * replace the global.
 */
export const EVALUATE = `const { eval: globalEval } = globalThis;
const evaluate = (source) => globalEval(source);`;
