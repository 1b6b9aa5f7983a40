// "Say when": a time in one's own words, in English or Chinese, understood by the server and made the picker's schedule.
import { call } from "../site/api.js";
import { h, icon } from "../site/dom.js";
import { words } from "../site/words.js";

const WAIT = 400; // after the last key

/** `zone()` is the picker's; `ontake(schedule)` gets what was understood and returns what is wrong with it, or "". */
export function phraseField({ zone, ontake }) {
  const field = h("input.field", { type: "text", maxlength: 200, autocomplete: "off", spellcheck: "false", placeholder: words.picker.sayHint });
  const told = h("span.small.quiet", { "aria-live": "polite" });
  let timer = 0;
  let asking = null;

  function take(schedule, summary) {
    const wrong = ontake(schedule);
    told.replaceChildren(wrong || h("span.understood", null, icon("check"), " ", summary));
  }

  async function look() {
    clearTimeout(timer);
    asking?.abort();
    const text = field.value.trim();
    if (!text) {
      told.replaceChildren();
      return;
    }
    asking = new AbortController();
    let said;
    try {
      said = await call("POST", "/schedules/parse", { text, timezone: zone() }, { signal: asking.signal });
    } catch (error) {
      if (error.name !== "AbortError") told.replaceChildren(error.message);
      return;
    }
    const { schedule, proposal } = said;
    if (schedule) take(schedule, said.summary);
    else if (said.question) {
      const yes = proposal && h("button.chip.on", { type: "button", onclick: () => take(proposal.schedule, proposal.summary) }, icon("calendar-clock"), proposal.summary);
      told.replaceChildren(said.question, yes ? " " : "", yes || "");
    } else told.replaceChildren(words.picker.notUnderstood);
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    // In a composer, Enter in a field would send.
    event.preventDefault();
    event.stopPropagation();
    look();
  });
  return h("div.phrase", null, h("label.label", null, words.picker.say, field), told);
}
