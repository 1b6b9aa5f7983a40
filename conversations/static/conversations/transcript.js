// The transcript as the page shows it: the reducer's items in order, by-lines and days between them, earlier pages on
// demand, the scroll position kept, and a live region that speaks finished paragraphs only.
import { face, h, icon } from "../site/dom.js";
import { clock, dayHeading, full } from "../site/times.js";
import { words } from "../site/words.js";
import { isClaim } from "./components/registry.js";
import { foldEarlier } from "./components/result.js";
import { bodyOf } from "./items.js";
import { indexOf, initial, takeHistory } from "./reducer.js";

const NEAR_END = 80; // pixels from the end within which the page follows what comes
const PAGE = 50; // items of an earlier page
const SOUGHT_PAGE = 200; // items of a page while one of long ago is looked for
const LAST_VISIBLE = 12; // items at the end that are always laid out, so that following them never jumps

export class Transcript {
  /**
   * `root` is the column, `scroller` what scrolls; `load(beforePosition, limit)` resolves to envelopes of an earlier
   * page; `context` goes to the components ({answer(item), …}).
   */
  constructor({ root, scroller, load, context, seq, envelopes, more }) {
    this.root = root;
    this.scroller = scroller;
    this.load = load;
    this.store = { state: initial(seq) };
    this.views = new Map();
    this.live = new Set(); // ids of items whose text is growing
    this.more = more;
    this.following = true;
    this.speaker = root.parentElement.appendChild(h("div.sr", { "aria-live": "polite" }));
    this.context = { ...context, announce: (text) => this.announce(text) };
    this.list = root.appendChild(h("div.items"));
    this.olderButton = h("button.button.small", { type: "button", onclick: () => this.showOlder() }, words.olderItems);
    this.quiet = -1; // nothing is asked any more up to this position
    this.closed = new Set(); // ids of questions that were cancelled here
    this.older = h("div.older", { hidden: !more }, this.olderButton);
    root.prepend(this.older);
    this.busy = h("div.busy", { role: "status" });
    root.append(this.busy);
    this.endButton = h("button.button.to-end", { type: "button", hidden: true, onclick: () => this.toEnd() }, icon("arrow-down"), words.toEnd);
    root.append(this.endButton);
    takeHistory(this.store.state, envelopes);
    this.oldest = this.store.state.order[0]?.position ?? 0;
    this.drawAll();
    this.toEnd();
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    // Pictures, charts and fonts change heights after the fact: who reads the end stays at the end.
    new ResizeObserver(() => { if (this.following) this.toEnd(); }).observe(this.list);
  }

  get state() {
    return this.store.state;
  }

  /** Draw what a frame changed (`take`'s result). */
  apply(change) {
    const stay = this.following;
    for (const id of change.added) this.insert(this.state.items.get(id));
    for (const id of change.replaced) this.replace(this.state.items.get(id));
    for (const [id, delta] of change.grown) this.grow(id, delta);
    for (const { event, data } of change.passing) if (event === "task_completed" || event === "done") this.settle((item) => !data.task_id || item.task_id === data.task_id);
    if (change.added.size || change.replaced.size) {
      foldEarlier(this.list);
      this.closeQuestions();
    }
    if (stay) this.toEnd();
    else if (change.added.size || change.grown.size) this.endButton.hidden = false;
  }

  /** Begin again from nothing (the server's data was put back). */
  reset() {
    this.views.clear();
    this.live.clear();
    this.list.replaceChildren();
    this.oldest = 0;
    this.more = false;
    this.older.hidden = true;
  }

  /** Nothing grows any more in the items that `which` accepts. */
  settle(which) {
    for (const id of this.live) {
      const item = this.state.items.get(id);
      if (item && !which(item)) continue;
      this.views.get(id)?.body.settle?.();
      this.live.delete(id);
    }
  }

  drawAll() {
    const fragment = document.createDocumentFragment();
    let before = null;
    for (const item of this.state.order) {
      if (item.position < this.oldest) continue;
      fragment.append(this.make(item, before));
      before = item;
    }
    this.list.replaceChildren(fragment);
    this.markNear();
    foldEarlier(this.list);
    this.closeQuestions();
  }

  /** A question that was answered, or dropped, offers no buttons any more: something of its thread came after it. */
  closeQuestions() {
    const spoken = new Set(); // threads in which the person said something later
    const gone = new Set(); // threads in which anything came later
    for (const item of [...this.state.order].reverse()) {
      if (item.event === "plan_require_user_input") {
        const over = item.position <= this.quiet || this.closed.has(item.id) || (item.task_id ? spoken : gone).has(item.thread_id);
        this.views.get(item.id)?.body.element.classList.toggle("answered", over);
      }
      gone.add(item.thread_id);
      if (asks(item)) spoken.add(item.thread_id);
    }
  }

  /**
   * The conversation waits for its person, or not any more: then what was asked until now offers no buttons, also where
   * nothing was said after it (a question that was cancelled). `seq` limits that to what the server had said by then.
   */
  waits(asking, seq = Infinity) {
    const known = this.state.order.filter((item) => item.seq <= seq);
    if (!asking) this.quiet = known[known.length - 1]?.position ?? this.quiet;
    else {
      const newest = known.findLast((item) => item.event === "plan_require_user_input");
      if (newest) this.quiet = Math.min(this.quiet, newest.position - 1);
    }
    this.closeQuestions();
  }

  /** This question was cancelled. */
  close(item) {
    this.closed.add(item.id);
    this.closeQuestions();
  }

  make(item, before) {
    const body = bodyOf(item, this.context);
    const element = h("article.item", { id: `item-${item.id}` });
    this.views.set(item.id, { element, body });
    this.dress(item, before);
    return element;
  }

  /** Put day, by-line and body into an item's element, by what stands before it. */
  dress(item, before) {
    const { element, body } = this.views.get(item.id);
    const date = new Date(item.created_at);
    const newDay = !before || new Date(before.created_at).toDateString() !== date.toDateString();
    const newVoice = newDay || voice(before) !== voice(item);
    element.classList.toggle("head", newVoice);
    const children = [newDay ? h("div.day", null, h("time", { datetime: item.created_at }, dayHeading(date))) : null, newVoice && hasByline(item) ? byline(item, date) : null, body.element];
    element.replaceChildren(...children.filter(Boolean));
    element.setAttribute("aria-label", asks(item) ? this.context.asker ?? words.you : item.agent_name || words.system);
  }

  insert(item) {
    if (item.position < this.oldest) return;
    const { order } = this.state;
    const at = indexOf(this.state, item.position);
    const before = at > 0 && order[at - 1].position >= this.oldest ? order[at - 1] : null;
    const after = order[at + 1];
    // What the same run was saying is over: the next item closes it.
    this.settle((other) => other.id !== item.id && other.run_id === item.run_id && other.task_id === item.task_id);
    const element = this.make(item, before);
    // Settled, and so spoken, when something follows it or its task is done, also where it came in one piece.
    this.live.add(item.id);
    if (after) {
      this.list.insertBefore(element, this.views.get(after.id)?.element ?? null);
      if (this.views.has(after.id)) this.dress(after, item);
    } else this.list.append(element);
    this.markNear();
  }

  replace(item) {
    const view = this.views.get(item.id);
    if (!view) return;
    const wasOpen = view.element.querySelector("details[open]") !== null;
    if (this.live.delete(item.id)) view.body.settle?.();
    const body = bodyOf(item, this.context);
    view.body.element.replaceWith(body.element);
    view.body = body;
    if (wasOpen && body.element.matches("details")) body.element.open = true;
  }

  grow(id, delta) {
    const view = this.views.get(id);
    if (!view) return;
    if (!view.body.grow) {
      this.replace(this.state.items.get(id));
      return;
    }
    this.live.add(id);
    view.body.grow(delta);
  }

  /** Say who works on an answer and has said nothing yet: [{agent, phase}]. */
  working(who) {
    const key = JSON.stringify(who);
    if (key === this.workingKey) return;
    this.workingKey = key;
    const stay = this.following;
    this.busy.replaceChildren(...who.map(({ agent, phase }) => h("div.said", null, icon("loader-circle", "i spin"), phase === "running" ? words.working(agent) : words.inQueue(agent))));
    if (stay) this.toEnd();
  }

  markNear() {
    const children = this.list.children;
    for (let i = Math.max(0, children.length - LAST_VISIBLE - 4); i < children.length; i += 1) children[i].classList.toggle("near", i >= children.length - LAST_VISIBLE);
  }

  /** Show the page before the first item; who asks while one is on its way waits for that one. */
  showOlder(limit = PAGE) {
    if (!this.more) return Promise.resolve();
    this.loading ??= this.loadOlder(limit).finally(() => { this.loading = null; });
    return this.loading;
  }

  async loadOlder(limit) {
    this.olderButton.disabled = true;
    this.olderButton.textContent = words.loadingOlder;
    try {
      const answer = await this.load(this.oldest, limit);
      const envelopes = answer.items ?? answer;
      const held = this.scroller.scrollHeight - this.scroller.scrollTop;
      const first = this.state.order[indexOf(this.state, this.oldest)];
      takeHistory(this.state, envelopes);
      this.more = answer.more ?? envelopes.length === limit;
      const end = indexOf(this.state, this.oldest);
      const begin = Math.max(0, end - envelopes.length);
      const fragment = document.createDocumentFragment();
      for (let i = begin; i < end; i += 1) fragment.append(this.make(this.state.order[i], this.state.order[i - 1] && i > begin ? this.state.order[i - 1] : null));
      this.oldest = this.state.order[begin]?.position ?? this.oldest;
      this.list.prepend(fragment);
      if (first && end > begin) this.dress(first, this.state.order[end - 1]);
      foldEarlier(this.list);
      this.closeQuestions();
      this.scroller.scrollTop = this.scroller.scrollHeight - held;
    } finally {
      this.olderButton.disabled = false;
      this.olderButton.textContent = words.olderItems;
      this.older.hidden = !this.more;
    }
  }

  /**
   * Go to the item that the address names (`#item-…`), however far back it lies; resolves to whether it is there. Its
   * folds are opened: what was looked for may stand in them.
   */
  async seek(hash = location.hash) {
    const id = /^#item-([\w-]+)$/.exec(hash)?.[1];
    if (!id) return false;
    this.following = false;
    while (!this.views.has(id) && this.more) await this.showOlder(SOUGHT_PAGE);
    const view = this.views.get(id);
    if (!view) {
      this.toEnd();
      return false;
    }
    this.list.querySelector(".sought")?.classList.remove("sought");
    view.element.classList.add("sought");
    view.element.querySelectorAll("details").forEach((details) => { details.open = true; });
    view.element.tabIndex = -1;
    view.element.focus({ preventScroll: true });
    // Items that were not laid out yet get their heights on the way there.
    for (let step = 0; step < 3; step += 1) {
      this.following = false;
      view.element.scrollIntoView({ block: "center" });
      await new Promise(requestAnimationFrame);
    }
    return true;
  }

  toBegin() {
    this.following = false;
    this.scroller.scrollTop = 0;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.following = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.following) this.endButton.hidden = true;
    if (scrollTop < 400 && this.more) this.showOlder().catch(() => {});
  }

  toEnd() {
    this.following = true;
    this.endButton.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  announce(text) {
    if (document.hidden) return;
    this.speaker.append(h("p", null, text));
    while (this.speaker.children.length > 5) this.speaker.firstChild.remove();
  }
}

const asks = (item) => item.role === "user";
// Results of one schedule follow each other as one voice; everything else is a voice for each run.
const isResult = (item) => item.payload.component_type === "scheduled_task_result" && !isClaim(item);
const voice = (item) => `${item.role}|${item.agent_name}|${(isResult(item) ? item.task_id : item.run_id) ?? item.thread_id}`;
// Cards and notices of the system speak for themselves.
const hasByline = (item) => !asks(item) && item.role !== "system";

function byline(item, date) {
  const name = item.agent_name || words.planner;
  // A task that is tried again begins anew: its connection says which attempt it is.
  const { attempt } = item.metadata;
  const again = Number.isInteger(attempt) && attempt > 1 ? h("span.pill.bare", null, words.attempt(attempt)) : null;
  return h("div.by", null, face(name), h("span", null, name), h("time.num", { datetime: item.created_at, title: full(date) }, clock(date)), again);
}

