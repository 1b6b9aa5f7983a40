// A line chart as SVG: hover or arrow keys for values, series switched in the legend, the numbers as a table behind it.
import { h, icon, s } from "../site/dom.js";
import { words } from "../site/words.js";

const HEIGHT = 220;
const PAD = { top: 10, right: 12, bottom: 24, left: 46 };
const SERIES_CLASSES = 8;
const MOST_TABLE_ROWS = 500;
const MOST_SERIES = 24;
const MOST_TICKS = 8;
const LABEL_WIDTH = 112; // pixels that a label of the axis may take
const locale = document.documentElement.lang || "en";
// Numbers of common size in the usual way, the others by their power of ten: 1e308 written out is 300 digits.
const COMMON = { least: 1e-4, most: 1e15 };
const sized = (usual, digits) => {
  const common = new Intl.NumberFormat(locale, usual);
  const power = new Intl.NumberFormat(locale, { notation: "scientific", maximumSignificantDigits: digits });
  return (value) => (value === 0 || (Math.abs(value) >= COMMON.least && Math.abs(value) < COMMON.most) ? common : power).format(value);
};
const compact = sized({ notation: "compact", maximumSignificantDigits: 3 }, 3);
/** A number in full, in the page's language. */
export const exact = sized({ maximumFractionDigits: 4 }, 6);

/**
 * Rows as agents send them (the first one names, the first column is the horizontal axis) as
 * {axis, labels, series: [{name, values}]}; null where there is nothing to draw.
 */
export function readRows(rows) {
  if (!Array.isArray(rows) || rows.length < 2 || !rows.every(Array.isArray)) return null;
  const [names, ...body] = rows;
  const wide = Math.min(body.reduce((most, row) => Math.max(most, row.length), 0), MOST_SERIES + 1);
  const series = [];
  for (let column = 1; column < wide; column += 1) {
    const values = body.map((row) => (row[column] === null || row[column] === "" || row[column] === undefined ? null : Number(row[column])));
    if (values.some((value) => Number.isFinite(value))) {
      series.push({ name: String(names[column] ?? column), values: values.map((value) => (Number.isFinite(value) ? value : null)) });
    }
  }
  return series.length ? { axis: String(names[0] ?? ""), labels: body.map((row) => String(row[0] ?? "")), series } : null;
}

/** The chart of what `readRows` gave, as one element that follows its own width. */
export function lineChart(data, title) {
  const hidden = new Set();
  const keys = data.series.map((one, index) => h("button.key", {
    type: "button", class: `s${index % SERIES_CLASSES}`, "aria-pressed": "true",
    onclick() {
      if (hidden.has(index)) hidden.delete(index);
      else if (hidden.size < data.series.length - 1) hidden.add(index);
      keys[index].setAttribute("aria-pressed", String(!hidden.has(index)));
      draw();
    },
  }, one.name));
  const names = axisLabels(data.labels);
  const where = h("span.tiny.quiet.num", { "aria-live": "polite" });
  const svg = s("svg", { role: "img", tabindex: "0", "aria-label": describe(data, title) });
  const root = h("div.chart", null, svg, h("div.keys", null, keys, where), tableOf(data));
  let width = 0;
  let at = null;
  let layout = null;

  function draw() {
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.replaceChildren();
    const shown = data.series.map((one, index) => ({ ...one, index })).filter((one) => !hidden.has(one.index));
    const ticks = niceTicks(shown.flatMap((one) => one.values).filter((value) => value !== null));
    const count = data.labels.length;
    const x = (i) => PAD.left + (count === 1 ? 0.5 : i / (count - 1)) * (width - PAD.left - PAD.right);
    const low = ticks[0];
    const high = ticks[ticks.length - 1];
    const y = (value) => PAD.top + (1 - share(value, low, high)) * (HEIGHT - PAD.top - PAD.bottom);
    layout = { x, y, shown };
    for (const tick of ticks) {
      svg.append(s("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y(tick), y2: y(tick) }));
      svg.append(s("text", { x: PAD.left - 8, y: y(tick) + 4, "text-anchor": "end" }, compact(tick)));
    }
    const stride = Math.max(1, Math.ceil((count - 1) / Math.max(1, Math.floor((width - PAD.left) / LABEL_WIDTH))));
    for (let i = 0; i < count; i += stride) {
      const anchor = count === 1 ? "middle" : i === 0 ? "start" : i === count - 1 ? "end" : "middle";
      svg.append(s("text", { x: x(i), y: HEIGHT - 6, "text-anchor": anchor }, names[i]));
    }
    for (const one of shown) svg.append(s("path", { class: `s${one.index % SERIES_CLASSES}`, d: path(one.values, x, y) }));
    point();
  }

  function point() {
    svg.querySelectorAll(".here").forEach((element) => element.remove());
    where.textContent = at === null ? "" : data.labels[at];
    data.series.forEach((one, index) => {
      keys[index].textContent = at === null || one.values[at] === null ? one.name : `${one.name} ${exact(one.values[at])}`;
    });
    if (at === null || !layout) return;
    const group = s("g", { class: "here" });
    group.append(s("line", { class: "cross", x1: layout.x(at), x2: layout.x(at), y1: PAD.top, y2: HEIGHT - PAD.bottom }));
    for (const one of layout.shown) {
      if (one.values[at] !== null) group.append(s("circle", { class: `s${one.index % SERIES_CLASSES}`, cx: layout.x(at), cy: layout.y(one.values[at]), r: 4 }));
    }
    svg.append(group);
  }

  const last = data.labels.length - 1;
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const along = (event.clientX - box.left - PAD.left) / Math.max(1, box.width - PAD.left - PAD.right);
    const next = Math.min(last, Math.max(0, Math.round(along * last)));
    if (next !== at) { at = next; point(); }
  });
  svg.addEventListener("pointerleave", () => { at = null; point(); });
  svg.addEventListener("blur", () => { at = null; point(); });
  svg.addEventListener("keydown", (event) => {
    const go = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last }[event.key];
    if (go === undefined) return;
    event.preventDefault();
    at = Math.min(last, Math.max(0, go));
    point();
  });
  new ResizeObserver(([entry]) => {
    const next = Math.round(entry.contentRect.width);
    if (next !== width) { width = next; draw(); }
  }).observe(root);
  return root;
}

function path(values, x, y) {
  let d = "";
  let pen = false;
  values.forEach((value, i) => {
    if (value === null) {
      pen = false;
      return;
    }
    d += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    // One without neighbours is a dot: a line of no length, whose ends are round.
    if (!pen && (values[i + 1] ?? null) === null) d += "h0";
    pen = true;
  });
  return d;
}

/** Where a value lies between two others, 0 to 1, also where their distance is more than a number can hold. */
export function share(value, low, high) {
  return Number.isFinite(high - low) ? (value - low) / (high - low) : (value / 2 - low / 2) / (high / 2 - low / 2);
}

/** Four to six round numbers that span the values; only the values' ends where numbers have no room for that. */
export function niceTicks(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  if (low === high) {
    const reach = Math.abs(low) * 0.1 || 1;
    low = within(low - reach);
    high = within(high + reach);
  }
  const rough = high / 4 - low / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const first = Math.floor(low / step);
  const ticks = [];
  // The numbers themselves may be too large, too small or too close for round ones between them.
  for (let i = 0; i <= MOST_TICKS; i += 1) {
    const tick = within(Number(((first + i) * step).toPrecision(12)));
    if (!(tick > (ticks[ticks.length - 1] ?? -Infinity))) break;
    ticks.push(tick);
    if (tick >= high) return ticks[0] <= low && ticks.length > 1 ? ticks : [low, high];
  }
  return [low, high];
}

const within = (value) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));

/** What the axis says: of times, the part in which they differ (one day: the clock; midnights: the date). */
function axisLabels(labels) {
  const parts = labels.map((label) => /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)/.exec(label));
  if (labels.length && parts.every(Boolean)) {
    const oneDay = new Set(parts.map((part) => part[1])).size === 1;
    return parts.map((part) => (oneDay ? part[2] : part[1]));
  }
  // Months: every date is a first of one.
  if (labels.length > 1 && labels.every((label) => /^\d{4}-\d\d-01$/.test(label))) return labels.map((label) => label.slice(0, 7));
  return labels.map((label) => (label.length > 14 ? `${label.slice(0, 13)}…` : label));
}

/** The chart in a sentence, for who does not see it. */
export function describe(data, title) {
  const parts = data.series.slice(0, 6).map((one) => {
    const real = one.values.filter((value) => value !== null);
    return `${one.name}: ${exact(real[0])} → ${exact(real[real.length - 1])}`;
  });
  return `${title || words.chart}. ${data.labels[0]} – ${data.labels[data.labels.length - 1]}. ${parts.join("; ")}`;
}

/** The numbers behind a chart, as a table that unfolds. */
export function tableOf(data) {
  const details = h("details.fold", null, h("summary", null, icon("table"), words.showTable));
  // Made when it is opened: a chart of thousands of rows should not cost a table that nobody asked for.
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const rows = data.labels.slice(0, MOST_TABLE_ROWS).map((label, i) => h("tr", null, h("th", { scope: "row" }, label), data.series.map((one) => h("td.num.right", null, one.values[i] === null ? "–" : exact(one.values[i])))));
    const head = h("tr", null, h("th", { scope: "col" }, data.axis), data.series.map((one) => h("th", { scope: "col" }, one.name)));
    const rest = data.labels.length - rows.length;
    details.append(h("div.scroll-x", { tabindex: "0" }, h("table", null, h("thead", null, head), h("tbody", null, rows))), rest > 0 ? h("p.quiet.small", null, words.moreRows(rest)) : "");
  });
  return details;
}
