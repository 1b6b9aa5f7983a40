// An agent's card as a person sees it before the agent is added. All of it is the agent's own text, and stays text.
import { button, face, h, icon } from "../site/dom.js";
import { words } from "../site/words.js";

const text = (value) => (typeof value === "string" ? value : "");
const fact = (term, value) => (value ? [h("dt", null, term), h("dd", null, value)] : []);

/** The card as an element; its buttons call `add(enabled)`. Where the name is taken there are none, and it says so. */
export function previewed(card, add) {
  const said = words.agentPreview;
  const skills = card.skills.map((skill) => h("li", null, h("strong", null, text(skill.name) || text(skill.id)), text(skill.description) ? ` ${text(skill.description)}` : ""));
  const notes = card.notes.map((note) => h("div.note", null, icon("info"), h("span.wrap", null, note)));
  if (card.asks_for.length) notes.unshift(h("div.note", null, icon("key-round"), h("span.wrap", null, said.asksFor(card.asks_for.join(", ")))));
  if (card.taken) notes.unshift(h("div.note.failed", null, icon("circle-alert"), h("span.wrap", null, said.taken(card.name))));
  const enable = button(said.enable, "power", () => add(true), { kind: "primary" });
  const keepOff = button(said.keepOff, "plus", () => add(false));
  return h("section.card", { "aria-label": said.title },
    h("header", null, face(card.name, "big"), h("span.grow.wrap", null, card.name)),
    card.description ? h("p.small.wrap", null, card.description) : null,
    skills.length ? h("ul.small.wrap", null, skills) : null,
    h("dl.facts", null,
      fact(said.address, card.address), fact(said.protocol, card.protocol), fact(said.version, card.version),
      fact(said.provider, card.provider), fact(said.streams, card.streaming ? said.yes : said.no)),
    notes,
    card.taken ? null : h("div.row", null, enable, keepOff));
}
