// Assets: the overview draws the prices of one; those of another take their place when it is chosen, or a trade of it.

const PRICES = ["close", "buys", "sells"]; // the first traces of the overview
const choice = document.createElement("select");
let pricesOf = told.assets ? told.assets.first : null;
let firstPrices = null;

const pricesKnown = (symbol) => Boolean(told.assets) && (symbol === told.assets.first || symbol in told.assets.series);

function begunChoice(one) {
  if (!told.assets || one.spec.name !== told.assets.figure) return;
  const label = document.createElement("label");
  const { first, series, left } = told.assets;
  choice.replaceChildren(...[first, ...Object.keys(series)].map((symbol) => new Option(symbol)));
  choice.addEventListener("change", async () => {
    await priced(choice.value);
    const closes = one.data[0].x; // a window on each side has a point more
    const inside = closes.some((time) => !one.range || (one.range[0] <= time && time <= one.range[1]));
    if (!inside) await zoom(null, null);
    document.dispatchEvent(new CustomEvent("chosen"));
  });
  const more = left ? ` ${left.toLocaleString("en")} more were traded; this page has no room for their prices.` : "";
  label.append("Prices and fills of ", choice, more);
  label.className = "choice";
  one.div.before(label);
}

// Draw the prices and fills of an asset; whether they are drawn.
async function priced(symbol) {
  const one = shown.find((each) => told.assets && each.spec.name === told.assets.figure);
  if (!one || !pricesKnown(symbol)) return false;
  if (symbol === pricesOf) return true;
  const others = one.spec.series.filter((each) => each.trace >= PRICES.length);
  firstPrices = firstPrices || one.spec.series.filter((each) => each.trace < PRICES.length);
  const held = symbol === told.assets.first ? null : told.assets.series[symbol];
  const made = held ? held.map((each, trace) => each && { ...each, trace }).filter(Boolean) : firstPrices;
  one.spec.series = [...made, ...others];
  one.spec.spec.data[0].name = `${symbol} close`;
  one.data = one.data.map((each, trace) => (
    trace < PRICES.length ? { ...each, x: [], y: [], text: null, name: trace ? each.name : `${symbol} close` } : each));
  one.layout.yaxis = { ...one.layout.yaxis, title: { ...one.layout.yaxis.title, text: symbol } };
  pricesOf = choice.value = symbol;
  await refine(one, one.range !== null);
  return true;
}
