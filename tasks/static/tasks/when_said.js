// While a request is typed: what it says about when, as the server understands it, offered as a schedule in one press.
import { call } from "../site/api.js";
import { h, icon } from "../site/dom.js";
import { zone } from "../site/times.js";
import { words } from "../site/words.js";

const WAIT = 400; // after the last key
const LONGEST = 4000; // characters; a longer text is a document, whose times are its own
// Without any of these nothing can be said about a time, and nothing is asked.
const MAY_SAY = /\d|\b(every|each|daily|hourly|weekly|monthly|quarterly|yearly|annually|nightly|noon|midday|midnight|morning|afternoon|evening|night|tonight|today|tomorrow|weekdays?|weekends?|(mon|tues|wednes|thurs|fri|satur|sun)days?|hours?|minutes?|once|twice|later|next|until|one|two|half)\b|[每天周日月号点半时分晚早午夜明后今刻年季]/i;

/** Watches a textarea. `active()` says whether a schedule may be offered now; `ontake(schedule, request)` takes one. */
export class WhenSaid {
  constructor({ textarea, slot, active, ontake }) {
    this.textarea = textarea;
    this.slot = slot;
    this.active = active;
    this.ontake = ontake;
    this.asked = "";
    this.timer = 0;
    this.asking = null;
    this.refused = false;
    textarea.addEventListener("input", () => this.soon());
  }

  soon() {
    clearTimeout(this.timer);
    if (this.textarea.value !== this.asked) this.clear();
    this.timer = setTimeout(() => this.look(), WAIT);
  }

  clear() {
    this.asking?.abort();
    this.asked = "";
    this.slot.replaceChildren();
  }

  /** Ask what the text says. Typing is never held up, and no failure of this is worth a word. */
  async look() {
    const text = this.textarea.value;
    if (this.refused || !this.active() || text.length > LONGEST || !MAY_SAY.test(text)) {
      this.clear();
      return;
    }
    if (text === this.asked) return;
    this.asking?.abort();
    this.asking = new AbortController();
    this.asked = text;
    let said;
    try {
      said = await call("POST", "/schedules/parse", { text, timezone: zone }, { signal: this.asking.signal });
    } catch (error) {
      this.refused = error.status === 404 || error.status === 405;
      return;
    }
    if (this.textarea.value === text && this.active()) this.show(said, text);
  }

  show(said, text) {
    const sure = said.schedule ? { schedule: said.schedule, summary: said.summary, times: said.times } : said.proposal;
    const parts = [];
    if (said.question) parts.push(h("p.small.quiet.grow", null, icon("message-circle-question-mark"), " ", said.question));
    if (sure) {
      const request = said.request.trim() ? said.request : text;
      parts.push(h("button.chip.on", { type: "button", "data-take": true, title: words.takeSchedule, onclick: () => { this.clear(); this.ontake(sure.schedule, request); } }, icon("calendar-clock"), h("span.clip", null, sure.summary)));
      if (!said.question) parts.push(h("span.tiny.quiet", null, words.takeSchedule));
    }
    this.slot.replaceChildren(...parts);
  }
}
