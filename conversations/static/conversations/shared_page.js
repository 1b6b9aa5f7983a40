// A conversation behind its read-only link: the same transcript, made of the same items, and nothing to press in it but
// what only looks. No session, no sockets, no API: earlier items come from the link itself.
import { embedded, h, icon } from "../site/dom.js";
import { named } from "../site/names.js";
import { keepTimes } from "../site/times.js";
import { words } from "../site/words.js";
import "./components/artifact.js";
import "./components/cards.js";
import { register } from "./components/registry.js";
import "./components/result.js";
import "./components/subagent.js";
import { asText, looseObject } from "./loose.js";
import { Transcript } from "./transcript.js";

keepTimes();

register("scheduled_task_controller", (item) => {
  const data = looseObject(asText(item.payload.content)) ?? {};
  const status = asText(data.task_status);
  return h("section.card", null, h("header", null, icon("calendar-clock"), h("span.grow", null, named(asText(data.task_title)) || words.scheduledTask),
    status ? h("span.pill", { class: Object.hasOwn(words.phases, status) ? status : "" }, words.phases[status] ?? status) : null));
});

const page = embedded("page");
const transcript = new Transcript({
  root: document.getElementById("transcript"),
  scroller: document.getElementById("scroll"),
  seq: 0,
  envelopes: page.envelopes,
  more: page.more,
  async load(before) {
    const response = await fetch(`${location.pathname}items/?before=${before}`, { credentials: "omit" });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  },
  context: { readOnly: true, asker: words.asker },
});
// A text is read from its beginning.
if (!page.more) transcript.toBegin();
transcript.seek();
addEventListener("hashchange", () => transcript.seek());
