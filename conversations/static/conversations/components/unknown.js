// What this page has no form for, shown plainly as what it is.
import { h, icon } from "../../site/dom.js";
import { words } from "../../site/words.js";
import { asText } from "../loose.js";

/** A component or event of a kind that is not known here. */
export function unknown(kind, payload) {
  return plain(words.unknown(String(kind ?? "?")), payload);
}

/** A component of which only the system can speak, sent by an agent: its words, and nothing that acts on them. */
export function claimed(item) {
  return plain(words.claimed(item.agent_name || words.system, item.payload.component_type), item.payload);
}

function plain(title, payload) {
  return h("section.card", null,
    h("header", null, icon("braces"), h("span.grow.small.quiet", null, title)),
    h("pre.block", { tabindex: "0" }, asText(payload?.content ?? payload)));
}
