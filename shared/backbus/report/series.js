// Series: which points of one are drawn for a range of its axis. Pure: columns in, points out.

const FINEST = 1;

// What there is of a series, unpacked: single points, or the level of the given number.
async function levelOf(series, number) {
  if (number < 0) {
    if (!series.single) return null;
    const [x, y] = await Promise.all([column(series.x), column(series.single)]);
    return { span: FINEST, x, y };
  }
  const level = series.levels[number];
  const names = ["first", "low", "high", "last", "a", "b"];
  const parts = await Promise.all([column(series.x), ...names.map((name) => column(level[name]))]);
  const [x, first, low, high, last, a, b] = parts;
  if (!level.apart) return { span: level.span, x, first, low, high, last, a, b };
  const made = { span: level.span, x, first, a, b };
  made.last = first.map((one, i) => one + last[i]);
  made.low = first.map((one, i) => Math.min(one, made.last[i]) - low[i]);
  made.high = first.map((one, i) => Math.max(one, made.last[i]) + high[i]);
  return made;
}

// The first place of a rising array that is not below a value.
function placeOf(array, value) {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Places of the points from ``begin`` to ``end``, and one on each side.
function window_(x, begin, end) {
  const first = Math.max(0, placeOf(x, begin) - 1);
  const stop = Math.min(x.length, placeOf(x, end) + 2);
  return [first, Math.max(stop, first)];
}

// The finest level of which no more than ``most`` points fall into the range; of what there is.
function levelFor(series, points, most) {
  for (let number = -1; number < series.levels.length; number += 1) {
    if (number < 0 && !series.single) continue;
    const drawn = number < 0 ? points : (4 * points) / series.levels[number].span;
    if (drawn <= most) return number;
  }
  return series.levels.length - 1;
}

function pointsOf(level, first, stop) {
  const x = [];
  const y = [];
  const at = [];
  const put = (place, value) => {
    x.push(level.x[place]);
    y.push(Number.isNaN(value) ? null : value);
    at.push(place);
  };
  if (level.span === FINEST) {
    for (let i = first; i < stop; i += 1) put(i, level.y[i]);
    return { x, y, at, span: FINEST };
  }
  const begin = Math.floor(first / level.span);
  const end = Math.min(level.first.length, Math.ceil(stop / level.span));
  for (let bucket = begin; bucket < end; bucket += 1) {
    const from = bucket * level.span;
    const to = Math.min(from + level.span, level.x.length) - 1;
    const lowest = from + level.a[bucket];
    const highest = from + level.b[bucket];
    put(from, level.first[bucket]);
    if (lowest < highest) put(lowest, level.low[bucket]);
    put(highest, level.high[bucket]);
    if (lowest >= highest) put(lowest, level.low[bucket]);
    put(to, level.last[bucket]);
  }
  return { x, y, at, span: level.span };
}

// What is drawn of a series from ``begin`` to ``end`` (null: all of it), by at most about ``most`` points.
async function drawn(series, begin, end, most) {
  const x = await column(series.x);
  const [first, stop] = begin === null ? [0, x.length] : window_(x, begin, end);
  const number = levelFor(series, stop - first, most);
  const found = pointsOf(await levelOf(series, number), first, stop);
  if (found.span === FINEST) {
    for (const [name, spec] of Object.entries(series.texts)) {
      const texts = await column(spec);
      found[name] = found.at.map((place) => (spec.words ? spec.words[texts[place]] : texts[place]));
    }
  }
  return found;
}
