// Tables: only the rows of a page are in the document; sorting and filtering move an index of rows.

const ROWS = 20;
const ON_PAPER = 100;

const twice = (number) => String(number).padStart(2, "0");

// An instant in ms as text, as short as it can be told.
function instant(value) {
  const time = new Date(Math.floor(value));
  const day = `${time.getUTCFullYear()}-${twice(time.getUTCMonth() + 1)}-${twice(time.getUTCDate())}`;
  const hour = `${twice(time.getUTCHours())}:${twice(time.getUTCMinutes())}`;
  const rest = (value - Math.floor(value / 1000) * 1000) / 1000;
  const seconds = time.getUTCSeconds();
  if (!seconds && !rest) return `${day} ${hour}`;
  const part = rest ? rest.toFixed(6).slice(1).replace(/0+$/, "") : "";
  return `${day} ${hour}:${twice(seconds)}${part}`;
}

const date = (days) => new Date(days * 864e5).toISOString().slice(0, 10);

function wideText(spec, parts, row) {
  return String(BigInt(parts.high[row]) * 2147483648n + BigInt(parts.low[row]));
}

class ReportTable {
  constructor(spec, place) {
    this.spec = spec;
    this.place = place;
    this.page = 0;
    this.sorted = null;
    this.filter = "";
    this.begun = null;
  }

  // Unpack all columns, once.
  begin() {
    this.begun = this.begun || this.load();
    return this.begun;
  }

  async load() {
    this.values = {};
    this.wide = {};
    await Promise.all(
      this.spec.columns.map(async (one) => {
        this.values[one.name] = await column(one);
        if (one.as === "wide") {
          const [high, low] = await Promise.all([column(one.high), column(one.low)]);
          this.wide[one.name] = { high, low };
        }
      }),
    );
    this.rows = Uint32Array.from({ length: this.spec.rows }, (_, row) => row);
    this.frame();
    this.show();
  }

  // The text of a cell: as it is shown, or with all digits.
  text(one, row, all) {
    const value = this.values[one.name][row];
    if (one.as === "texts") return value === null ? "" : String(value);
    if (Number.isNaN(value)) return "";
    if (one.shown === "word") return one.words[value];
    if (one.shown === "time") return instant(value);
    if (one.shown === "date") return date(value);
    if (one.as === "wide") return wideText(one, this.wide[one.name], row);
    if (all || Number.isInteger(value)) return String(value);
    return Number(value.toPrecision(8)).toString();
  }

  frame() {
    const heads = this.spec.columns.map(
      (one) => `<th scope="col" class="${one.shown}"><button type="button">${escaped(one.name)}${one.shown === "time" ? " (UTC)" : ""}</button></th>`,
    );
    this.place.innerHTML =
      `<div class="controls"><input type="search" placeholder="filter: word, or column&gt;1, column=word" aria-label="filter">` +
      `<button type="button" class="copy">copy as CSV</button><button type="button" class="save">save as CSV</button>` +
      `<span class="count" aria-live="polite"></span></div>` +
      `<div class="wide"><table><thead><tr>${heads.join("")}</tr></thead><tbody></tbody></table></div>` +
      `<div class="controls pages"><button type="button" class="before" aria-label="page before">‹</button>` +
      `<span></span><button type="button" class="after" aria-label="page after">›</button></div><p class="left"></p>`;
    this.body = this.place.querySelector("tbody");
    this.place.querySelectorAll("th button").forEach((button, number) => {
      button.addEventListener("click", () => this.sort(this.spec.columns[number]));
    });
    const input = this.place.querySelector("input");
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.select(input.value), 120);
    });
    this.place.querySelector(".copy").addEventListener("click", (event) => copy(this.csv(), event.target));
    this.place.querySelector(".save").addEventListener("click", () => save(this.csv(), `${this.spec.name}.csv`));
    this.place.querySelector(".before").addEventListener("click", () => this.turn(-1));
    this.place.querySelector(".after").addEventListener("click", () => this.turn(1));
    this.body.addEventListener("click", (event) => {
      const line = event.target.closest("tr");
      if (line) this.chosen(Number(line.dataset.row));
    });
  }

  chosen(row) {
    if (this.onrow) this.onrow(row, this);
  }

  sort(one) {
    const down = this.sorted && this.sorted[0] === one.name && !this.sorted[1];
    this.sorted = [one.name, down];
    const values = this.values[one.name];
    let key = values;
    if (one.shown === "word" && one.as === "words") {
      const order = one.words.map((_, code) => code).sort((a, b) => (one.words[a] < one.words[b] ? -1 : 1));
      const place = [];
      order.forEach((code, at) => { place[code] = at; });
      key = values.map((code) => (Number.isNaN(code) ? NaN : place[code]));
    }
    const sign = down ? -1 : 1;
    const empty = (value) => value === null || Number.isNaN(value);
    this.rows.sort((a, b) => {
      const [first, second] = [key[a], key[b]];
      if (empty(first) || empty(second)) return empty(first) - empty(second) || a - b; // what is empty is last
      return first < second ? -sign : first > second ? sign : a - b;
    });
    this.page = 0;
    this.show();
  }

  // Rows of which each term is true: ``name>1``, ``name=word``, or a text that some cell has.
  select(text) {
    this.filter = text;
    const terms = text.trim().split(/\s+/).filter(Boolean).map((term) => this.term(term));
    const kept = [];
    for (let row = 0; row < this.spec.rows; row += 1) if (terms.every((term) => term(row))) kept.push(row);
    this.rows = Uint32Array.from(kept);
    this.page = 0;
    if (this.sorted) {
      const [name, down] = this.sorted;
      this.sorted = [name, !down];
      this.sort(this.spec.columns.find((one) => one.name === name));
    } else this.show();
  }

  term(text) {
    const parts = /^([\w.]+)(<=|>=|<|>|=)(.+)$/.exec(text);
    const one = parts && this.spec.columns.find((each) => each.name === parts[1]);
    if (!one) {
      const wanted = text.toLowerCase();
      const words = this.spec.columns.map((each) => each.words && each.words.map((word) => word.toLowerCase().includes(wanted)));
      return (row) => this.spec.columns.some((each, number) => {
        if (words[number]) return words[number][this.values[each.name][row]] === true;
        return this.text(each, row, true).toLowerCase().includes(wanted);
      });
    }
    const [, , sign, wanted] = parts;
    const values = this.values[one.name];
    if (one.shown !== "number" || (sign === "=" && one.as === "wide")) {
      const compare = { "=": (a) => a === wanted || (one.shown !== "word" && a.startsWith(wanted)), "<": (a) => a < wanted, ">": (a) => a > wanted, "<=": (a) => a <= wanted, ">=": (a) => a >= wanted }[sign];
      return (row) => compare(this.text(one, row, true));
    }
    const number = Number(wanted);
    const compare = { "=": (a) => a === number, "<": (a) => a < number, ">": (a) => a > number, "<=": (a) => a <= number, ">=": (a) => a >= number }[sign];
    return (row) => compare(values[row]);
  }

  turn(by) {
    const last = Math.max(0, Math.ceil(this.rows.length / ROWS) - 1);
    this.page = Math.min(last, Math.max(0, this.page + by));
    this.show();
  }

  show(count = ROWS) {
    const first = this.page * ROWS;
    const rows = Array.from(this.rows.slice(first, first + count));
    this.body.innerHTML = rows
      .map((row) => {
        const cells = this.spec.columns.map((one) => `<td class="${one.shown}">${escaped(this.text(one, row, false))}</td>`);
        return `<tr data-row="${row}"${this.onrow ? ' tabindex="0"' : ""}>${cells.join("")}</tr>`;
      })
      .join("");
    const number = (value) => value.toLocaleString("en");
    const of = this.rows.length;
    this.place.querySelector(".pages span").textContent = of ? `${number(first + 1)} to ${number(first + rows.length)} of ${number(of)}` : "no row is so";
    this.place.querySelector(".pages").hidden = this.spec.rows <= ROWS;
    this.place.querySelector(".count").textContent = of < this.spec.rows ? `${number(of)} of ${number(this.spec.rows)} rows` : "";
    this.place.querySelector(".left").textContent = of > rows.length ? `On paper are ${number(rows.length)} of ${number(of)} rows; ${number(of - rows.length)} are left out.` : "";
    this.place.querySelectorAll("th").forEach((head, at) => {
      const mine = this.sorted && this.sorted[0] === this.spec.columns[at].name;
      head.setAttribute("aria-sort", mine ? (this.sorted[1] ? "descending" : "ascending") : "none");
    });
  }

  // A text that a spreadsheet would compute (=1+1, +1, -1, @sum) has an apostrophe before it, so that it stays a text.
  csv() {
    const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const words = (text) => cell(/^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.,]+( ?%)?$/.test(text) ? `'${text}` : text);
    const lines = [this.spec.columns.map((one) => words(one.name)).join(",")];
    for (const row of this.rows) {
      const told = (one) => (one.shown === "word" ? words : cell)(this.text(one, row, true));
      lines.push(this.spec.columns.map(told).join(","));
    }
    return `${lines.join("\n")}\n`;
  }
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  document.dispatchEvent(new CustomEvent("copied", { detail: text }));
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 1200);
}

function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
