// Stacked columns as SVG: hover or arrow keys for values, the numbers as a table behind it.
import { h, s } from "../site/dom.js";
import { describe, exact, niceTicks, tableOf } from "../conversations/chart.js";

const HEIGHT = 180;
const PAD = { top: 10, right: 4, bottom: 24, left: 38 };
const GAP = 0.22; // of a column's place
const LABEL_WIDTH = 84; // pixels that a label of the axis may take

/** The chart of what `readRows` gave; `kinds` names the colour of each series (transcript.css, `.bars`). */
export function barChart(data, title, kinds) {
  const keys = data.series.map((one, index) => h("span.key", { class: kinds[index] }, one.name));
  const where = h("span.tiny.quiet.num", { "aria-live": "polite" });
  const svg = s("svg", { role: "img", tabindex: "0", "aria-label": describe(data, title) });
  const root = h("div.chart.bars", null, svg, h("div.keys", null, keys, where), tableOf(data));
  const count = data.labels.length;
  const sums = data.labels.map((_, at) => data.series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0));
  // Numbers of runs: no parts of one, and an empty chart has an axis too.
  const ticks = niceTicks([0, Math.max(4, ...sums)]).filter(Number.isInteger);
  const high = ticks[ticks.length - 1];
  let width = 0;
  let at = null;

  const place = (i) => PAD.left + (i / count) * (width - PAD.left - PAD.right);
  const y = (value) => PAD.top + (1 - value / high) * (HEIGHT - PAD.top - PAD.bottom);

  function draw() {
    if (!width) return;
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.replaceChildren();
    for (const tick of ticks) {
      svg.append(s("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y(tick), y2: y(tick) }));
      svg.append(s("text", { x: PAD.left - 8, y: y(tick) + 4, "text-anchor": "end" }, exact(tick)));
    }
    const wide = place(1) - place(0);
    const stride = Math.max(1, Math.ceil(LABEL_WIDTH / wide));
    for (let i = 0; i < count; i += 1) {
      let base = 0;
      data.series.forEach((one, index) => {
        const value = one.values[i] ?? 0;
        if (!value) return;
        const top = y(base + value);
        // A single failure among thousands of runs can still be seen.
        svg.append(s("rect", { class: kinds[index], x: place(i) + (wide * GAP) / 2, width: wide * (1 - GAP), y: top, height: Math.max(1.5, y(base) - top), rx: 1.5 }));
        base += value;
      });
      if (i % stride === 0 && place(i) + LABEL_WIDTH / 2 < width) {
        svg.append(s("text", { x: place(i) + (wide * GAP) / 2, y: HEIGHT - 6 }, data.labels[i]));
      }
    }
    point();
  }

  function point() {
    svg.querySelector(".here")?.remove();
    where.textContent = at === null ? "" : data.labels[at];
    data.series.forEach((one, index) => {
      keys[index].textContent = at === null ? one.name : `${one.name} ${exact(one.values[at] ?? 0)}`;
    });
    if (at === null || !width) return;
    svg.prepend(s("rect", { class: "here", x: place(at), width: place(1) - place(0), y: PAD.top, height: HEIGHT - PAD.top - PAD.bottom }));
  }

  const go = (next) => {
    const kept = Math.min(count - 1, Math.max(0, next));
    if (kept !== at) { at = kept; point(); }
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    go(Math.floor(((event.clientX - box.left - PAD.left) / Math.max(1, box.width - PAD.left - PAD.right)) * count));
  });
  svg.addEventListener("pointerleave", () => { at = null; point(); });
  svg.addEventListener("blur", () => { at = null; point(); });
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    go((at ?? (event.key === "ArrowRight" ? -1 : count)) + steps[event.key]);
  });
  new ResizeObserver(([entry]) => {
    const next = Math.round(entry.contentRect.width);
    if (next !== width) { width = next; draw(); }
  }).observe(root);
  return root;
}
