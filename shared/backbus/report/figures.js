// Figures: drawn by plotly one after the other; those over time follow each other's zoom, and show what it asks for.

const LINE_POINTS = 12; // for each pixel of width
const MARKS = 2000;
const NARROW = 560; // pixels
const [UNTITLED, TITLED] = [28, 64]; // pixels from an axis to what stands below it
const DRAWING_S = 8; // of one figure
const MAPS = /geo|choropleth|(scatter|density)map/; // types of traces that lie on one
const OFFLINE = ". This page asks no host for anything, and maps load their ground from one: backbus draws them in Python, result.figures.";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const shown = []; // { spec, div, range } of figures that are drawn
let following = false;

const PAPER = 690; // pixels across, of what an A4 page or a letter shows within its margins
let onPaper = false;

const theme = () => told.themes[dark.matches && !onPaper ? "dark" : "light"];

async function filled(value) {
  if (Array.isArray(value)) return typeof value[0] === "number" ? value : Promise.all(value.map(filled));
  if (value === null || typeof value !== "object") return value;
  if (value.column) {
    const found = await column(value.column);
    return value.column.words ? Array.from(found, (code) => value.column.words[code]) : Array.from(found);
  }
  const names = Object.keys(value);
  const parts = await Promise.all(names.map((name) => filled(value[name])));
  return Object.fromEntries(names.map((name, i) => [name, parts[i]]));
}

function recoloured(value) {
  const swap = theme().swap || {};
  if (typeof value === "string") {
    const found = swap[value] || swap[value.toLowerCase()];
    return found || value.replace(/^rgba\((\d+),(\d+),(\d+),([\d.]+)\)$/, (whole, ...parts) => {
      const plain = `#${parts.slice(0, 3).map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
      const other = swap[plain];
      if (!other) return whole;
      return `rgba(${[1, 3, 5].map((at) => parseInt(other.slice(at, at + 2), 16)).join(",")},${parts[3]})`;
    });
  }
  if (Array.isArray(value)) return typeof value[0] === "number" && typeof value.at(-1) === "number" ? value : value.map(recoloured);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, recoloured(one)]));
}

function dressed(one) {
  const { layout, div } = one;
  const { text, grid } = theme();
  const narrow = div.clientWidth < NARROW && !onPaper;
  const found = recoloured(layout);
  found.paper_bgcolor = found.plot_bgcolor = "rgba(0,0,0,0)";
  found.font = { ...found.font, color: text, size: narrow ? 10 : 11 };
  found.hoverlabel = { bgcolor: theme().paper, bordercolor: grid, font: { color: text } };
  found.autosize = !onPaper;
  if (onPaper) Object.assign(found, { width: PAPER, height: one.spec.height });
  found.modebar = { bgcolor: "rgba(0,0,0,0)", color: "#8a929c", activecolor: text };
  for (const name of Object.keys(found)) {
    if (/^[xy]axis\d*$/.test(name)) {
      found[name] = { ...found[name], gridcolor: grid, linecolor: grid, automargin: true };
      if (narrow && name[0] === "y") found[name].title = undefined;
      if (narrow && !ofWords(one.data, name)) found[name].nticks = 5;
      if (/^\.\d%$/.test(found[name].tickformat || "")) found[name].tickformat = "~%"; // zoomed, they would be equal
    }
  }
  if (narrow) {
    found.margin = { ...found.margin, l: 44, r: 8, t: 52 };
    const inner = Math.max(60, one.spec.height - found.margin.t - (found.margin.b || 0));
    const below = titledBelow(layout) ? TITLED : UNTITLED;
    found.legend = { ...found.legend, y: -below / inner, yanchor: "top", x: 0, xanchor: "left" };
    found.dragmode = false; // a finger that moves over it scrolls the page
  }
  return found;
}

// Whether an axis has words for values: each of them has its line.
const ofWords = (data, name) => data.some((trace) => {
  const values = trace[name[0]];
  return `${name[0]}axis${(trace[`${name[0]}axis`] || name[0]).slice(1)}` === name && values && values.length < 40
    && Array.from(values).some((value) => typeof value === "string" && Number.isNaN(Date.parse(value)) && Number.isNaN(Number(value)));
});

const titledBelow = (layout) => Object.entries(layout).some(
  ([name, axis]) => /^xaxis\d*$/.test(name) && axis && axis.title && axis.title.text,
);

const mostOf = (series, div) => (series.marks ? MARKS : Math.max(2000, LINE_POINTS * div.clientWidth));

// What plotly promises to draw; an error where it is not there in time, or where a promise is broken that it has made
// to itself. Time goes by while the page is seen: in a hidden one browsers draw nothing.
function inTime(begin) {
  return new Promise((done, fail) => {
    let clock = 0;
    let left = DRAWING_S * 4;
    const ended = (end, value) => {
      clearInterval(clock);
      setTimeout(() => { // what fails may break several promises
        window.removeEventListener("unhandledrejection", broken);
        end(value);
      }, end === fail ? 100 : 0);
    };
    const broken = (event) => {
      event.preventDefault();
      const reason = event.reason instanceof Error ? event.reason.message : event.reason;
      ended(fail, new Error(reason || "plotly gave up"));
    };
    window.addEventListener("unhandledrejection", broken);
    Promise.resolve().then(begin).then((value) => ended(done, value), (error) => ended(fail, error));
    clock = setInterval(() => {
      if (!document.hidden) left -= 1;
      if (left < 0) ended(fail, new Error(`plotly has not drawn it in ${DRAWING_S} s`));
    }, 250);
  });
}

async function draw(spec) {
  const div = document.getElementById(`figure-${spec.name}`).querySelector(".plot");
  const one = { spec, div, range: null };
  const data = await filled(spec.spec.data);
  await Promise.all(
    spec.series.map(async (series) => {
      one.scale = one.scale || [];
      const points = await drawn(series, null, null, mostOf(series, div));
      Object.assign(data[series.trace], { x: points.x, y: points.y }, textsOf(points, series, data[series.trace].marker));
      one.scale[series.trace] = points.span;
    }),
  );
  one.data = data;
  const layout = await filled(spec.spec.layout);
  for (const name of spec.time) layout[name] = { ...layout[name], type: "date" };
  one.layout = layout;
  one.ranges = Object.fromEntries(Object.entries(layout).map(([name, axis]) => [name, axis && axis.range]));
  const narrow = div.clientWidth < NARROW;
  await inTime(() => Plotly.newPlot(div, recoloured(data), dressed(one), {
    displaylogo: false, showSendToCloud: false, responsive: true, scrollZoom: false, displayModeBar: narrow || "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", ...(narrow ? ["toImage", "zoom2d", "pan2d", "autoScale2d"] : [])],
  }));
  tellScale(one);
  shown.push(one);
  if (spec.time.length) {
    div.on("plotly_relayout", (event) => zoomed(one, event));
  }
  return one;
}

const TEXTS = ["text", "hovertext", "customdata", "ids"];

function textsOf(points, series, marker) {
  const found = {};
  for (const name of TEXTS) if (series.texts[name]) found[name] = points[name] || null;
  if (series.texts.size) found.marker = { ...marker, size: points.size || 0 };
  return found;
}

function tellScale(one) {
  const coarse = new Map();
  one.spec.series.forEach((series) => {
    const span = one.scale[series.trace];
    const name = one.spec.spec.data[series.trace].name || one.spec.title;
    if (span > FINEST) coarse.set(span, [...(coarse.get(span) || []), name]);
  });
  const line = one.div.parentElement.querySelector(".scale");
  if (!coarse.size) {
    line.textContent = one.spec.series.length ? "Every point is drawn." : "";
    return;
  }
  const parts = [...coarse].map(
    ([span, names]) => `${[...new Set(names)].join(", ")}: four points are ${span.toLocaleString("en")}, their first, least, greatest and last`,
  );
  const lost = one.spec.series.filter((series) => !series.single && one.scale[series.trace] === series.levels[0].span);
  const least = lost.length ? " This file has no single points of them: backbus draws them all in Python, result.figures." : "";
  line.textContent = `${parts.join("; ")}. ${least || "Zoom in for single ones."}`;
}

function rangeIn(event) {
  for (const [name, value] of Object.entries(event)) {
    const found = /^xaxis\d*\.(range\[0\]|range|autorange)$/.exec(name);
    if (!found) continue;
    if (found[1] === "autorange") return value ? "all" : undefined;
    const axis = name.split(".")[0];
    const ends = found[1] === "range" ? value : [value, event[`${axis}.range[1]`]];
    return ends.map(milliseconds);
  }
  return undefined;
}

const iso = (value) => new Date(value).toISOString().replace("Z", "");

const milliseconds = (one) => {
  if (typeof one === "number") return one;
  const text = String(one).replace(" ", "T");
  return Date.parse(/T/.test(text) ? `${text.padEnd(16, ":00").slice(0, 23)}Z` : `${text}T00:00Z`);
};

async function zoomed(from, event) {
  if (following) return;
  const range = rangeIn(event);
  if (range === undefined) return;
  for (const [name, value] of Object.entries(event)) {
    const found = /^(yaxis\d*)\.(range\[0\]|range|autorange)$/.exec(name);
    if (!found) continue;
    const axis = { ...from.layout[found[1]] };
    if (found[2] === "autorange") delete axis.range;
    else axis.range = found[2] === "range" ? value : [value, event[`${found[1]}.range[1]`]];
    from.layout[found[1]] = axis;
  }
  const also = Object.keys(event).some((name) => name.startsWith("yaxis"));
  await zoom(range === "all" ? null : range, also ? from : null);
}

const inSight = (one) => {
  const { top, bottom } = one.div.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
};

// Zoom all figures over time to a range [ms, ms], or null for all; those in sight first. What ``from`` shows of values
// is left to it, all others show what falls into the range.
async function zoom(range, from) {
  following = true;
  try {
    const timed = shown.filter((one) => one.spec.time.length);
    for (const one of [...timed.filter(inSight), ...timed.filter((each) => !inSight(each))]) {
      one.range = range;
      for (const name of one.spec.time) {
        one.layout[name] = { ...one.layout[name] };
        if (range) one.layout[name].range = range.map(iso);
        else delete one.layout[name].range;
      }
      if (one !== from) {
        for (const name of Object.keys(one.layout)) {
          if (/^yaxis\d*$/.test(name)) one.layout[name] = { ...one.layout[name], range: one.ranges[name] };
        }
      }
      await refine(one, range !== null && one !== from);
    }
  } finally {
    following = false;
  }
  document.dispatchEvent(new CustomEvent("zoomed"));
}

async function refine(one, fitted) {
  const [begin, end] = one.range || [null, null];
  for (const series of one.spec.series) {
    const points = await drawn(series, begin, end, mostOf(series, one.div));
    one.scale[series.trace] = points.span;
    const trace = { ...one.data[series.trace], x: points.x, y: points.y, ...textsOf(points, series, one.data[series.trace].marker) };
    one.data = one.data.map((each, number) => (number === series.trace ? trace : each));
  }
  if (fitted) fit(one);
  await again(one);
  tellScale(one);
}

// The range of values that are drawn, for each axis of which all is series: lines across, and fills down to zero, are
// no reason to see nothing else.
function fit(one) {
  const lifted = new Set(one.spec.series.map((series) => series.trace));
  const axes = new Map();
  one.data.forEach((trace, number) => {
    const axis = `yaxis${(trace.yaxis || "y").slice(1)}`;
    const within = lifted.has(number) ? trace.y.filter((_, at) => one.range[0] <= trace.x[at] && trace.x[at] <= one.range[1]) : nothingOf(trace);
    axes.set(axis, [...(axes.get(axis) || []), within]);
  });
  for (const [axis, parts] of axes) {
    if (parts.includes(null) || (one.layout[axis] || {}).type === "log") continue;
    let [least, most] = [Infinity, -Infinity];
    for (const part of parts) {
      for (const value of part) {
        if (value === null) continue;
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
    const room = 0.06 * (most - least) || Math.abs(most) * 1e-4 || 1;
    if (least <= most) one.layout[axis] = { ...one.layout[axis], range: [least - room, most + room] };
  }
}

const nothingOf = (trace) => (Array.isArray(trace.y) && !trace.y.length ? [] : null);

const again = (one) => Plotly.react(one.div, recoloured(one.data), dressed(one));

dark.addEventListener("change", () => shown.forEach(again));

// Paper is light and has a width of its own.
function print(now) {
  onPaper = now;
  shown.forEach(again);
}
