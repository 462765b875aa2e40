/** The heavy work of the server: plain functions that know nothing of executors. */

import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { hashSync } from "npm:bcryptjs@3";

/** bcrypt doubles its work with each step; 10 takes a current core 50 to 100 ms. */
const COST = 10;

/** Computes: the bcrypt hash of a password. */
export function hashPassword(password: string): string {
  return hashSync(password, COST);
}

/** The sales of a city in one month. */
export interface MonthlySales {
  /** As `2025-01`. */
  month: string;
  orders: number;
  customers: number;
  /** In cents. */
  revenue: number;
}

const SALES_BY_MONTH = `
  SELECT substr(day, 1, 7) AS month, count(*) AS orders,
         count(DISTINCT customer) AS customers, sum(amount) AS revenue
  FROM orders WHERE city = ? GROUP BY month ORDER BY month`;

/** Blocks: the sales of a city, month by month, out of all the orders there are. */
export function salesByMonth(path: string, city: string): MonthlySales[] {
  const rows = open(path).prepare(SALES_BY_MONTH).all(city);
  return rows as unknown as MonthlySales[];
}

/** The databases this thread has opened: a worker keeps its modules from task to task. */
const databases = new Map<string, DatabaseSync>();

function open(path: string): DatabaseSync {
  let database = databases.get(path);
  if (database === undefined) {
    database = new DatabaseSync(path, { readOnly: true });
    databases.set(path, database);
  }
  return database;
}

const ORDERS = 200_000;
const CUSTOMERS = 5_000;
const CITIES = ["Bologna", "Genoa", "Milan", "Naples", "Palermo", "Rome", "Turin", "Venice"];

/** Blocks: makes the database of a year's orders, the same each time, unless there is one. */
export function createDatabase(path: string): void {
  if (exists(path)) return;
  Deno.mkdirSync(dirname(path), { recursive: true });
  // It gets its name when it is complete: an interrupted start leaves no half a database.
  const draft = `${path}.${Deno.pid}.tmp`;
  try {
    fill(draft);
    Deno.renameSync(draft, path);
  } catch (error) {
    if (exists(draft)) Deno.removeSync(draft);
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function fill(path: string): void {
  const database = new DatabaseSync(path);
  try {
    fillTables(database);
  } finally {
    database.close();
  }
}

function fillTables(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = MEMORY;
    BEGIN;
    CREATE TABLE orders (
      id INTEGER PRIMARY KEY,
      customer TEXT NOT NULL,
      city TEXT NOT NULL,
      amount INTEGER NOT NULL, -- in cents
      day TEXT NOT NULL
    ) STRICT`);
  const insert = database.prepare(
    "INSERT INTO orders (customer, city, amount, day) VALUES (?, ?, ?, ?)",
  );
  const days = Array.from(
    { length: 365 },
    (_, day) => new Date(Date.UTC(2025, 0, 1 + day)).toISOString().slice(0, 10),
  );
  const below = randomIntegers(2025);
  for (let order = 0; order < ORDERS; order++) {
    insert.run(
      `Customer ${1 + below(CUSTOMERS)}`,
      CITIES[below(CITIES.length)]!,
      500 + below(20_000),
      days[below(days.length)]!,
    );
  }
  database.exec("COMMIT");
}

/** Random integers from 0 to below a limit; the same ones for the same seed. */
function randomIntegers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}
