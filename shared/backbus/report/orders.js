// Orders: why they filled, in the sentences of backbus explain (sentences.py), told from the tables of this page.

const tables = new Map();
let byOrder = null;

// A number as Python writes it with six places and no zeros behind: of a tie, the even one.
function plain(value, places = 6) {
  let text = Math.abs(value).toFixed(places);
  const more = Math.abs(value).toFixed(places + 24);
  if (/^50*$/.test(more.slice(-24))) {
    const cut = more.slice(0, -24);
    if (Number(cut.at(-1)) % 2 === 0) text = cut;
  }
  const [units, rest = ""] = text.split(".");
  return `${value < 0 ? "-" : ""}${units.replace(/\B(?=(\d{3})+$)/g, ",")}${rest ? `.${rest}` : ""}`;
}

const number = (value) => plain(value).replace(/0+$/, "").replace(/\.$/, "");

function cell(table, name, row) {
  const one = table.spec.columns.find((each) => each.name === name);
  if (!one) return null;
  const value = table.values[name][row];
  if (Number.isNaN(value)) return null;
  if (one.shown === "word") return one.words[value] || null;
  if (one.as === "wide") return wideText(one, table.wide[name], row);
  return value;
}

const rowOf = (table, row, names) => Object.fromEntries(names.map((name) => [name, cell(table, name, row)]));

const SAID = ["row", "time", "phase", "order", "symbol", "kind", "quantity", "wanted", "reason", "type", "time_in_force",
  "limit", "stop", "trail", "until", "parent", "trail_from", "trail_from_fraction", "trail_then"];
const FILLED = ["row", "time", "phase", "order", "symbol", "quantity", "price", "reference", "fee", "rule", "cap", "unit", "left"];
const ENDED = ["row", "time", "phase", "order", "symbol", "reason", "cap", "left", "level", "nearest"];
const BOOKED = ["row", "time", "symbol", "kind", "quantity", "basis", "amount"];

async function indexed() {
  if (byOrder) return byOrder;
  const names = ["orders", "fills", "order_ends", "account_activity"].filter((name) => tables.has(name));
  await Promise.all(names.map((name) => tables.get(name).begin()));
  const found = { orders: new Map(), fills: new Map(), order_ends: new Map(), exits: new Map(), at: new Map() };
  const put = (map, key, row) => (map.has(key) ? map.get(key).push(row) : map.set(key, [row]));
  for (const name of ["orders", "fills", "order_ends"]) {
    const table = tables.get(name);
    for (let row = 0; table && row < table.spec.rows; row += 1) {
      put(found[name], String(cell(table, "order", row)), row);
      if (name === "fills") put(found.at, `${cell(table, "symbol", row)} ${cell(table, "row", row)}`, row);
      const parent = name === "orders" ? cell(table, "parent", row) : null;
      if (parent !== null && cell(table, "kind", row) === "place") put(found.exits, String(parent), row);
    }
  }
  found.sessions = told.sessions ? await column(told.sessions) : null;
  byOrder = found;
  return found;
}

function when(one) {
  if (!byOrder.sessions) return `${instant(one.time)} UTC`;
  return date(byOrder.sessions[one.row - told.first_row]);
}

// What explain calls an order: 1, 2, 3 … in the order in which they were first spoken of.
function numbered(order) {
  if (!byOrder.numbers) byOrder.numbers = new Map([...byOrder.orders.keys()].map((each, place) => [each, place + 1]));
  const found = byOrder.numbers.get(String(order));
  return found === undefined ? "None" : found;
}

const where = (one) => `${when(one)}, row ${one.row}, ${told.phases[one.phase]}`;
const side = (quantity) => `${quantity > 0 ? "buy" : "sell"} ${number(Math.abs(quantity))}`;

function terms(one) {
  const kind = one.type.replaceAll("_", " ");
  const alone = one.type === "limit" || one.type === "stop";
  if (alone && one.trail !== null) return `${kind} ${number(100 * one.trail)} % from the price of its entry`;
  if (one.type === "trail" || one.type === "trail_percent") return trailing(one);
  const parts = ["stop", "limit"].filter((name) => one[name] !== null).map((name) => `${name} ${number(one[name])}`);
  return alone ? parts[0] : [kind, ...parts].join(", ");
}

function trailing(one) {
  const by = (name) => (one.type === "trail" ? number(one[name]) : `${number(100 * one[name])} %`);
  const start = one.stop === null ? "" : `, which was ${number(one.stop)} at first`;
  const words = `trailing stop ${by("trail")} behind the best price${start}`;
  const gain = one.trail_from_fraction;
  if (one.trail_from === null && gain === null) return words;
  const begins = gain === null ? number(one.trail_from) : `a profit of ${number(100 * gain)} %`;
  const then = one.trail_then === null ? "; asleep until then" : ` ${by("trail_then")} behind it`;
  return `${words}, from ${begins} on${then}`;
}

function untilOf(one) {
  if (one.time_in_force === "gtd") return date(one.until);
  if (one.time_in_force !== "gtt") return null;
  const text = new Date(Math.floor(one.until / 1000)).toISOString().slice(0, 19);
  const micro = one.until % 1e6;
  return `${text}${micro ? `.${String(micro).padStart(6, "0")}` : ""}+00:00`;
}

function decision(one) {
  const why = one.reason ? ` (${one.reason})` : "";
  const begin = `${where(one)}: `;
  if (one.kind === "place") {
    const cut = one.quantity === one.wanted ? "" : ` of ${number(Math.abs(one.wanted))} wanted`;
    return `${begin}placed, to ${side(one.quantity)}${cut}${why}`;
  }
  if (one.kind === "resize") return `${begin}now to ${side(one.quantity)}${why}`;
  if (one.kind === "cancel") return `${begin}taken back${why}`;
  return `${begin}refused${why}; wanted to ${side(one.wanted)}`;
}

function fillLines(fill) {
  const done = fill.quantity > 0 ? "bought" : "sold";
  const slippage = Math.abs(fill.price - fill.reference) * Math.abs(fill.quantity) * fill.unit;
  const lines = [
    `${where(fill)}: ${done} ${number(Math.abs(fill.quantity))}: ${fill.rule}`,
    `  the market's price ${number(fill.reference)}, paid ${number(fill.price)}: slippage ${number(slippage)}, fee ${number(fill.fee)}`,
  ];
  const rest = fill.left ? `; ${number(Math.abs(fill.left))} went on working` : "";
  if (fill.cap) lines.push(`  lessened by: ${fill.cap}${rest}`);
  return lines;
}

function endLines(end, type) {
  const lines = [`${where(end)}: ended with ${number(Math.abs(end.left))} unfilled: ${end.reason}`];
  if (end.level !== null && (type === "trail" || type === "trail_percent")) lines.push(`  it had come to ${number(end.level)} by then`);
  else if (end.level !== null && end.nearest !== null) lines.push(`  its price then was ${number(end.level)}, the market came nearest at ${number(end.nearest)}`);
  if (end.cap) lines.push(`  held back by: ${end.cap}`);
  return lines;
}

// What backbus explain --order says, but for what the strategy said and how the account stood.
async function orderLines(order) {
  const found = await indexed();
  const rows = (name, names) => (found[name].get(String(order)) || []).map((row) => rowOf(tables.get(name), row, names));
  const said = rows("orders", SAID);
  if (!said.length) return [`order ${order}: its rows are not in this page`];
  const first = said[0];
  const until = untilOf(first);
  const force = until !== null ? `, until ${until}` : first.time_in_force === "gtc" ? "" : `, ${first.time_in_force}`;
  const lines = [`order ${numbered(order)} (id ${order}): ${first.symbol}, ${terms(first)}${force}`];
  if (first.parent !== null) lines.push(`  an exit of order ${numbered(first.parent)}: it lives from that order's first fill on`);
  lines.push(...said.map((one) => `  ${decision(one)}`));
  const fills = rows("fills", FILLED);
  const ends = rows("order_ends", ENDED);
  lines.push(...splitsOf(first, [...fills, ...ends]));
  for (const fill of fills) lines.push(...fillLines(fill).map((line) => `  ${line}`));
  if (ends.length) lines.push(...endLines(ends[0], first.type).map((line) => `  ${line}`));
  for (const row of found.exits.get(String(order)) || []) {
    const one = rowOf(tables.get("orders"), row, SAID);
    lines.push(`  it brought an exit: order ${numbered(one.order)}, ${terms(one)}`);
  }
  return lines;
}

function splitsOf(first, after) {
  const table = tables.get("account_activity");
  const last = after.length ? Math.max(...after.map((one) => one.row)) : Infinity;
  const lines = [];
  for (let row = 0; table && row < table.spec.rows; row += 1) {
    const one = rowOf(table, row, BOOKED);
    if (one.kind !== "split" || one.symbol !== first.symbol || one.row <= first.row || one.row > last) continue;
    lines.push(`  ${when(one)}, row ${one.row}: a split of ${number(one.basis)} for 1 changed it`);
  }
  return lines;
}

// Orders whose fills a trade is made of, in their order.
async function ordersOf(trade) {
  const found = await indexed();
  const table = tables.get("fills");
  const orders = [];
  const last = trade.exit_row === null ? Infinity : trade.exit_row;
  const rows = trade.exit_row === null ? [...found.at.keys()] : null;
  const take = (key) => {
    for (const row of found.at.get(key) || []) orders.push(String(cell(table, "order", row)));
  };
  if (rows) {
    for (const key of rows) {
      const at = key.lastIndexOf(" ");
      if (key.slice(0, at) === trade.symbol && Number(key.slice(at + 1)) >= trade.entry_row) take(key);
    }
  } else for (let row = trade.entry_row; row <= last; row += 1) take(`${trade.symbol} ${row}`);
  return [...new Set(orders)];
}

const TRADE = ["symbol", "side", "entry_row", "entry_time", "exit_row", "exit_time", "quantity", "entry_price", "exit_price", "pnl", "return"];
const EXPLAINED = 8;

async function tradeLines(trade) {
  const orders = await ordersOf(trade);
  const shownOnes = orders.length > EXPLAINED ? [...orders.slice(0, EXPLAINED - 1), orders.at(-1)] : orders;
  const lines = [];
  for (const order of shownOnes) lines.push(...(await orderLines(order)));
  if (orders.length > shownOnes.length) lines.push(`and ${orders.length - shownOnes.length} orders between these, in the table of fills`);
  if (!orders.length) lines.push("its fills are not in this page");
  const some = shownOnes.length ? numbered(shownOnes[0]) : "N";
  lines.push(`backbus explain ${told.job} --order ${some} tells as well what the strategy said, and how the account stood`);
  return lines;
}
