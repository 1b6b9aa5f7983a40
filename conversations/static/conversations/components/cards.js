// The components that agents send as a JSON text: report, profile, line chart, card push. What can be read of them is shown.
import { h, icon } from "../../site/dom.js";
import { moment } from "../../site/times.js";
import { words } from "../../site/words.js";
import { lineChart, readRows } from "../chart.js";
import { asText, createTime, looseObject, looseParse } from "../loose.js";
import { copyButton, prose } from "../markdown.js";
import { register } from "./registry.js";

const SAFE_LINK = /^https?:\/\//i;
const MOST_ROWS = 50;

function card(iconName, title, when, ...children) {
  const iso = createTime(when);
  return h("section.card", null,
    h("header", null, icon(iconName), h("span.grow", null, title), iso ? h("time.quiet.small.num", { datetime: iso }, moment(new Date(iso))) : null),
    children);
}

const asItCame = (text) => [h("p.quiet.small", null, words.unreadableData), h("pre.block", { tabindex: "0" }, text)];

function report(item) {
  const text = asText(item.payload.content);
  const data = looseObject(text);
  if (!data) return card("file-text", item.metadata.title ?? words.report, null, prose(text));
  const body = asText(data.data ?? data.content ?? "");
  const link = SAFE_LINK.test(data.url ?? "") ? h("a.small", { href: data.url, target: "_blank", rel: "noopener noreferrer nofollow" }, words.source) : null;
  const element = card("file-text", asText(data.title) || words.report, data.create_time, body ? prose(body) : h("p.quiet.small", null, words.noData), link);
  element.querySelector("header").append(copyButton(() => body), download(`${asText(data.title) || "report"}.md`, body));
  return element;
}

function download(name, text) {
  return h("button.button.bare", {
    type: "button", "aria-label": words.download, title: words.download,
    onclick() {
      const url = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
      h("a", { href: url, download: name.replace(/[\\/:*?"<>|\p{Cc}]/gu, " ") }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    },
  }, icon("download"));
}

function profile(item) {
  const text = asText(item.payload.content);
  const data = looseObject(text);
  if (!data) return card("id-card", words.profile, null, prose(text));
  const { title, name, create_time: when, ...rest } = data;
  const facts = Object.entries(rest).map(([key, value]) => [h("dt", null, key.replaceAll("_", " ")), h("dd.pre", null, asText(value))]);
  return card("id-card", asText(name ?? title) || words.profile, when, h("dl.facts", null, facts.flat()));
}

function chart(item) {
  const text = asText(item.payload.content);
  const data = looseObject(text) ?? { data: looseParse(text) };
  const rows = typeof data.data === "string" ? looseParse(data.data) : data.data;
  const table = readRows(rows);
  const title = asText(data.title) || words.chart;
  return card("chart-line", title, data.create_time, table ? lineChart(table, title) : asItCame(asText(data.data ?? text)));
}

function cardPush(item) {
  const text = asText(item.payload.content);
  const data = looseObject(text);
  if (!data) return card("bell", words.cards, null, prose(text));
  const rows = typeof data.data === "string" ? looseParse(data.data) : data.data;
  const filters = [data.filters].flat().filter((filter) => filter !== null && filter !== undefined && filter !== "");
  return card("bell", asText(data.title) || words.cards, data.create_time,
    filters.length ? h("div.row.tight", null, filters.map((filter) => h("span.pill.bare", null, asText(filter)))) : null,
    data.table_title ? h("h3.small", null, asText(data.table_title)) : null,
    Array.isArray(rows) ? pushed(rows) : rows && typeof rows === "object" ? pushed([rows]) : prose(asText(data.data)));
}

function pushed(rows) {
  const shown = rows.slice(0, MOST_ROWS);
  const rest = rows.length > shown.length ? h("p.quiet.small", null, words.moreRows(rows.length - shown.length)) : "";
  const isObject = (row) => row !== null && typeof row === "object" && !Array.isArray(row);
  if (shown.length && shown.every(isObject)) {
    const columns = [...new Set(shown.flatMap((row) => Object.keys(row)))].slice(0, 12);
    return h("div.scroll-x", { tabindex: "0" }, grid(columns, shown.map((row) => columns.map((column) => row[column]))), rest);
  }
  if (shown.length > 1 && shown.every(Array.isArray)) {
    return h("div.scroll-x", { tabindex: "0" }, grid(shown[0], shown.slice(1)), rest);
  }
  return h("div", null, h("ul.push-rows", null, shown.map((row) => h("li.wrap", null, asText(row)))), rest);
}

function grid(names, rows) {
  return h("table", null,
    h("thead", null, h("tr", null, names.map((name) => h("th", { scope: "col" }, asText(name))))),
    h("tbody.num", null, rows.map((row) => h("tr", null, row.map((cell) => h("td.wrap", null, asText(cell)))))));
}

register("report", report);
register("profile", profile);
register("filtered_line_chart", chart);
register("filtered_card_push_notification", cardPush);
