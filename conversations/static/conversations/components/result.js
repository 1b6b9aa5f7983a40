// One run's result of a scheduled task: the latest stands open, earlier ones fold away when it comes. One that says
// what the result before it said is folded from the start, and leaves that one open.
import { h, icon } from "../../site/dom.js";
import { named } from "../../site/names.js";
import { moment } from "../../site/times.js";
import { words } from "../../site/words.js";
import { asText, createTime, looseObject } from "../loose.js";
import { prose } from "../markdown.js";
import { register } from "./registry.js";

const NOTHING_SAID = "Task completed without output.";

function result(item) {
  const text = asText(item.payload.content);
  const data = looseObject(text);
  const said = data ? asText(data.result) : text;
  const when = createTime(data?.create_time) ?? item.created_at;
  const silent = !said.trim() || said.trim() === NOTHING_SAID;
  const unchanged = item.metadata.unchanged === true;
  const firstLine = said.trim().split("\n", 1)[0].replace(/[#*_`>|]/g, "").slice(0, 160);
  const details = h("details", { open: true },
    h("summary", null, icon("chevron-right", "i turn"), icon("calendar-clock"),
      h("span.strong.clip", null, item.metadata.task_title ? named(asText(item.metadata.task_title)) : words.result),
      h("span.grow.clip.quiet.small.when-shut", null, unchanged ? words.unchanged : silent ? words.noOutput : firstLine),
      h("time.push.quiet.small.num", { datetime: when }, moment(new Date(when)))),
    silent ? h("p.quiet.small", null, words.noOutput) : prose(said));
  const element = h("section.card.result", { "data-task": item.task_id ?? "", "data-unchanged": unchanged ? "yes" : null }, details);
  details.firstChild.addEventListener("click", () => { element.dataset.chosen = "yes"; });
  return element;
}

/** Fold all but the newest result of each task that said something new, save those that the reader opened or shut. */
export function foldEarlier(root) {
  const newest = new Map();
  const all = root.querySelectorAll(".card.result");
  all.forEach((element) => { if (!element.dataset.unchanged) newest.set(element.dataset.task, element); });
  for (const element of all) {
    if (element.dataset.chosen) continue;
    const open = newest.get(element.dataset.task) === element;
    element.firstChild.open = open;
    element.classList.toggle("folded", !open);
  }
}

register("scheduled_task_result", result);
