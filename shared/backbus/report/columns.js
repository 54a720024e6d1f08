// Columns: what packing.py has written, as numbers and words again. Each is unpacked when it is first asked for.

const told = JSON.parse(document.getElementById("told").textContent);
const unpacked = new Map();

function bytesOf(name) {
  const element = document.getElementById(name);
  const text = atob(element.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflated(name, format) {
  const stream = new Blob([bytesOf(name)]).stream().pipeThrough(new DecompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The numbers of a column: a Float64Array, NaN for none; of words their places in the list, of wide ones about so much.
function column(spec) {
  const key = JSON.stringify([spec.as, spec.id, spec.none, spec.over, spec.times, spec.high && spec.high.id, spec.start]);
  if (!unpacked.has(key)) unpacked.set(key, unpack(spec));
  return unpacked.get(key);
}

async function unpack(spec) {
  if (spec.as === "texts") return JSON.parse(new TextDecoder().decode(await inflated(spec.id, "deflate")));
  if (spec.as === "below") return below(await column(spec.of), spec.start);
  if (spec.as === "wide") {
    const [high, low] = await Promise.all([column(spec.high), column(spec.low)]);
    return high.map((one, i) => one * 2147483648 + low[i]);
  }
  const bytes = await inflated(spec.id, "deflate");
  if (spec.as === "float") return floats(bytes, spec.n);
  const found = whole(bytes, spec.n, spec.w, spec.steps);
  if (spec.over && spec.over >= 1) for (let i = 0; i < found.length; i += 1) found[i] /= spec.over;
  else if (spec.over) for (let i = 0; i < found.length; i += 1) found[i] *= Math.round(1 / spec.over);
  if (spec.times) for (let i = 0; i < found.length; i += 1) found[i] *= spec.times;
  if (spec.none) {
    const bits = await inflated(spec.none, "deflate");
    for (let i = 0; i < found.length; i += 1) if ((bits[i >> 3] >> (i & 7)) & 1) found[i] = NaN;
  }
  return found;
}

function whole(bytes, n, width, steps) {
  const found = new Float64Array(n);
  let last = 0;
  if (width <= 3) {
    const second = width > 1 ? n : -1;
    const third = width > 2 ? 2 * n : -1;
    for (let i = 0; i < n; i += 1) {
      let zigzag = bytes[i];
      if (second > 0) zigzag |= bytes[second + i] << 8;
      if (third > 0) zigzag |= bytes[third + i] << 16;
      const value = (zigzag >>> 1) ^ -(zigzag & 1);
      last = steps ? last + value : value;
      found[i] = last;
    }
    return found;
  }
  for (let i = 0; i < n; i += 1) {
    let zigzag = 0;
    for (let plane = width - 1; plane >= 0; plane -= 1) zigzag = zigzag * 256 + bytes[plane * n + i];
    const value = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    last = steps ? last + value : value;
    found[i] = last;
  }
  return found;
}

function floats(bytes, n) {
  const found = new Float64Array(n);
  const raw = new Uint8Array(found.buffer);
  for (let plane = 0; plane < 8; plane += 1) for (let i = 0; i < n; i += 1) raw[8 * i + plane] = bytes[plane * n + i];
  return found;
}

function below(values, start) {
  const found = new Float64Array(values.length);
  let top = start;
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] > top) top = values[i];
    found[i] = values[i] / top - 1;
  }
  return found;
}
