import { createElement as h, type ReactElement } from "npm:react@19.3.1";
import { renderToString } from "npm:react-dom@19.3.1/server";

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly items: readonly string[];
}

/** The orders that the page shows. */
export function input(): Order[] {
  return Array.from({ length: 500 }, (_, id) => ({
    id,
    customer: `Customer ${id}`,
    items: ["bread", "butter", `item ${id}`],
  }));
}

function Row({ order }: { order: Order }): ReactElement {
  return h(
    "tr",
    { className: order.id % 2 ? "odd" : "even" },
    h("td", null, order.id),
    h("td", null, h("a", { href: `/customers/${order.id}` }, order.customer)),
    h("td", null, h("ul", null, order.items.map((item) => h("li", { key: item }, item)))),
  );
}

/** The page, rendered by React. */
export function run(orders: readonly Order[]): string {
  return renderToString(
    h("table", null, h("tbody", null, orders.map((order) => h(Row, { key: order.id, order })))),
  );
}
