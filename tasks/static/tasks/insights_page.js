// The charts of the insights page, drawn from the rows that came with it; each has its numbers as a table behind it.
import { lineChart, readRows } from "../conversations/chart.js";
import { embedded } from "../site/dom.js";
import { barChart } from "./bars.js";

const charts = embedded("charts", {});
// The first is always what went well, the second what did not.
const KINDS = { bars: (data, title) => barChart(data, title, data.series.length > 1 ? ["good", "bad", "none"] : ["plain"]), lines: lineChart };

for (const place of document.querySelectorAll("[data-chart]")) {
  const title = place.closest(".card").querySelector("h3").textContent;
  const data = readRows(charts[place.dataset.chart]);
  if (data) place.replaceChildren(KINDS[place.dataset.kind](data, title));
  else place.hidden = true;
}
