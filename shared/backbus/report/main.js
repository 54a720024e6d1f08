// The page: tables and figures in their order, what a click on a row does, and what is to be done before printing.

const why = document.createElement("aside");
why.id = "why";
why.hidden = true;

function explained(title, lines) {
  why.hidden = false;
  why.innerHTML = `<h3>${escaped(title)}</h3><pre>${escaped(lines.join("\n"))}</pre><button type="button">close</button>`;
  why.querySelector("button").addEventListener("click", () => { why.hidden = true; marked(null); });
}

function overTime() {
  return shown.find((one) => one.spec.time.length);
}

// A shade over a trade in all figures over time, or none.
function marked(range) {
  for (const one of shown) {
    if (!one.spec.time.length) continue;
    one.shapes = one.shapes || one.layout.shapes || [];
    const shade = range && {
      type: "rect", xref: "x", yref: "paper", x0: iso(range[0]), x1: iso(range[1]), y0: 0, y1: 1,
      fillcolor: "rgba(128,128,128,0.18)", line: { width: 0 }, layer: "below",
    };
    one.layout.shapes = shade ? [...one.shapes, shade] : one.shapes;
  }
}

async function jump(table, row) {
  const trade = rowOf(table, row, TRADE);
  const first = overTime();
  const series = first && first.spec.series[0];
  const x = series ? await column(series.x) : null;
  const begin = trade.entry_time;
  const end = trade.exit_time === null ? (x ? x.at(-1) : begin) : trade.exit_time;
  const itsPrices = await priced(trade.symbol);
  if (x) {
    const gap = (x.at(-1) - x[0]) / Math.max(1, x.length - 1);
    const margin = Math.max(end - begin, 20 * gap, 1000);
    marked([begin, end]);
    await zoom([begin - margin, end + margin], null);
    first.div.parentElement.after(why);
  } else table.place.parentElement.before(why);
  const title = `${trade.side} ${number(trade.quantity)} ${trade.symbol}, ${instant(begin)} to ${trade.exit_time === null ? "the end, still open" : instant(end)}: ${number(trade.pnl)}`;
  const lines = await tradeLines(trade);
  const prices = (first ? first.data : []).map((trace) => /^(.*) close$/.exec(trace.name || "")).find(Boolean);
  if (!itsPrices && prices && prices[1] !== trade.symbol) {
    lines.push(`The prices above are those of ${prices[1]}; in Python, result.figures.draw("price", asset=${JSON.stringify(trade.symbol)}) draws these.`);
  }
  explained(title, lines);
  (first ? first.div.parentElement : why).scrollIntoView({ block: "start" });
  document.dispatchEvent(new CustomEvent("jumped"));
}

async function order(table, row) {
  table.place.parentElement.querySelector("h2").after(why);
  explained("order", await orderLines(String(cell(table, "order", row))));
  document.dispatchEvent(new CustomEvent("jumped"));
}

function begunTables() {
  for (const spec of told.tables) {
    const place = document.querySelector(`#table-${CSS.escape(spec.name)} .rows`);
    if (!place) continue;
    const table = new ReportTable(spec, place);
    if (spec.name === "trades" && told.tables.some((one) => one.name === "fills")) table.onrow = (row) => jump(table, row);
    if (["orders", "fills", "order_ends"].includes(spec.name)) table.onrow = (row) => order(table, row);
    tables.set(spec.name, table);
  }
}

const idle = () => new Promise((done) => (window.requestIdleCallback ? requestIdleCallback(done, { timeout: 200 }) : setTimeout(done, 20)));

async function withPlotly() {
  const text = new TextDecoder().decode(await inflated("plotly", "gzip"));
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
}

// Words in the place of what cannot be shown.
function instead(place, what, error, more = "") {
  const said = error instanceof Error && error.name === "Error" ? error.message : error || "nobody says why";
  place.innerHTML = `<p class="words">${what}: ${escaped(said)}${more}</p>`;
}

async function allTables() {
  for (const table of tables.values()) {
    try {
      await table.begin();
    } catch (error) {
      instead(table.place, "Not shown", error);
    }
    await idle();
  }
}

async function allFigures(root) {
  const figures = told.figures.filter((one) => one.spec);
  if (!figures.length) return;
  await withPlotly();
  for (const spec of figures) {
    try {
      begunChoice(await draw(spec));
    } catch (error) {
      const div = document.getElementById(`figure-${spec.name}`).querySelector(".plot");
      try { Plotly.purge(div); } catch {} // of what was begun
      div.style.height = "auto";
      instead(div, "Not drawn", error, spec.spec.data.some((trace) => MAPS.test(trace.type)) ? OFFLINE : "");
    }
    root.dataset.drawn = String(shown.length);
    await idle();
  }
}

async function begin() {
  const root = document.documentElement;
  if (typeof DecompressionStream === "undefined") {
    document.getElementById("old").hidden = false;
    return;
  }
  begunTables();
  await Promise.all([allTables(), allFigures(root)]);
  root.dataset.ready = "yes";
}

window.addEventListener("beforeprint", () => {
  print(true);
  for (const table of tables.values()) if (table.rows) { table.page = 0; table.show(ON_PAPER); }
});
window.addEventListener("afterprint", () => {
  print(false);
  for (const table of tables.values()) if (table.rows) table.show();
});
window.backbus = { told, column, shown, tables, zoom, orderLines, tradeLines };
begin();
