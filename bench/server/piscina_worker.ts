import { type MonthlySales, salesByMonth } from "../../examples/tasks.ts";

export { hashPassword } from "../../examples/tasks.ts";

/** The query, with both arguments in an array: piscina passes a single argument. */
export function sales([path, city]: [path: string, city: string]): MonthlySales[] {
  return salesByMonth(path, city);
}
