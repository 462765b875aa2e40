/** Sums over figures. */

/** The middle figure. */
export function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The figure that this share of all figures, in percent, does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share / 100) - 1)] ?? NaN;
}

/**
 * How much the rounds differ: the greatest less the least, divided by the median. A round with
 * several figures counts with the median of the figures.
 *
 * @param figures Of all rounds, in the order of measuring; each round has equally many.
 */
export function spread(figures: readonly number[], rounds: number): number {
  const size = Math.max(1, Math.round(figures.length / rounds));
  const medians: number[] = [];
  for (let i = 0; i < figures.length; i += size) medians.push(middle(figures.slice(i, i + size)));
  return medians.length < 2 ? 0 : (Math.max(...medians) - Math.min(...medians)) / middle(medians);
}
