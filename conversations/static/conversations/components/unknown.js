// What this page has no form for, shown plainly as what it is.
import { h, icon } from "../../site/dom.js";
import { words } from "../../site/words.js";
import { asText } from "../loose.js";

/** A component or event of a kind that is not known here. */
export function unknown(kind, payload) {
  const text = asText(payload?.content ?? payload);
  return h("section.card", null,
    h("header", null, icon("braces"), h("span.grow.small.quiet", null, words.unknown(String(kind ?? "?")))),
    h("pre.block", { tabindex: "0" }, text));
}
