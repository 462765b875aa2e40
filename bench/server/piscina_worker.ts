import { type MonthlySales, salesByMonth } from "../../examples/tasks.ts";

export { hashPassword } from "../../examples/tasks.ts";

/** Piscina passes one argument. */
export function sales([path, city]: [path: string, city: string]): MonthlySales[] {
  return salesByMonth(path, city);
}
