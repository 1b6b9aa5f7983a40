// "@" in a request: the agents whose names fit what is typed behind it, chosen by keyboard or pointer, and taken out again.
import { face, h } from "../site/dom.js";
import { words } from "../site/words.js";

const MOST = 6;
const TYPED = /(^|\s)@([^\s@]{0,60})$/u;
const WHOLE = /^\s*@([^\s@]{1,60})\s+(?=\S)/u;

const plain = (name) => name.toLowerCase().replaceAll(/\s/g, "");
const namesOf = (agent) => [plain(agent.display_name), plain(agent.name)];

/** The agents that `typed` may mean, those whose names begin with it first. */
export function meant(agents, typed) {
  const wanted = plain(typed);
  const rank = (agent) => (namesOf(agent).some((name) => name.startsWith(wanted)) ? 0 : 1);
  return agents.filter((agent) => namesOf(agent).some((name) => name.includes(wanted))).sort((a, b) => rank(a) - rank(b)).slice(0, MOST);
}

/** {agent, text} where `text` begins with the whole name of an agent ("@Market how…"), else null. */
export function addressed(agents, text) {
  const found = WHOLE.exec(text);
  const agent = found && agents.find((one) => namesOf(one).includes(plain(found[1])));
  return agent ? { agent, text: text.slice(found[0].length) } : null;
}

/** Watches a textarea. `active()` says whether an agent may be chosen now; `onpick(name)` hears of the chosen one. */
export class Mention {
  constructor({ textarea, slot, agents, active, onpick }) {
    this.textarea = textarea;
    this.agents = agents;
    this.active = active;
    this.onpick = onpick;
    this.found = [];
    this.at = 0;
    this.list = h("div.mentions", { id: "mentions", role: "listbox", "aria-label": words.mention, hidden: true });
    slot.append(this.list);
    textarea.setAttribute("aria-autocomplete", "list");
    textarea.addEventListener("input", () => this.look());
    textarea.addEventListener("click", () => this.look());
    textarea.addEventListener("blur", () => this.close());
    textarea.addEventListener("keydown", (event) => this.key(event));
  }

  typed() {
    const { textarea } = this;
    if (!this.active() || textarea.selectionStart !== textarea.selectionEnd) return null;
    return TYPED.exec(textarea.value.slice(0, textarea.selectionStart));
  }

  look() {
    const typed = this.typed();
    this.found = typed ? meant(this.agents, typed[2]) : [];
    this.at = 0;
    this.draw();
  }

  draw() {
    const open = this.found.length > 0;
    this.list.hidden = !open;
    this.list.replaceChildren(...this.found.map((agent, index) =>
      h("div.mention", { id: `mention-${index}`, role: "option", "aria-selected": String(index === this.at), onpointerdown: (event) => { event.preventDefault(); this.pick(agent); } },
        face(agent.name), h("span.grow", null, h("b", null, agent.display_name), h("span.clip", null, agent.description)))));
    if (open) {
      this.textarea.setAttribute("aria-controls", "mentions");
      this.textarea.setAttribute("aria-activedescendant", `mention-${this.at}`);
      this.list.children[this.at].scrollIntoView({ block: "nearest" });
    } else for (const name of ["aria-controls", "aria-activedescendant"]) this.textarea.removeAttribute(name);
  }

  key(event) {
    if (this.list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.at = (this.at + step + this.found.length) % this.found.length;
      this.draw();
    } else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") this.pick(this.found[this.at]);
    else if (event.key === "Escape") this.close();
    else return;
    // The form would send, leave or close something.
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  pick(agent) {
    const { textarea } = this;
    const typed = this.typed();
    if (typed) {
      const end = textarea.selectionStart;
      const begin = end - typed[2].length - 1;
      const rest = textarea.value.slice(end);
      textarea.setRangeText("", begin, typed[1] && rest.startsWith(" ") ? end + 1 : end, "start");
    }
    this.close();
    this.onpick(agent.name);
  }

  close() {
    this.found = [];
    this.draw();
  }
}
