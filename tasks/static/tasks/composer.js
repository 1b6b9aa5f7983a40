// Where a request is written: text, agent, schedule; kept as a draft, sent once however often it is tried, never lost.
import { SchedulePicker } from "./schedule_picker.js";
import { call, fieldText, newKey, to } from "../site/api.js";
import { face, icon, h } from "../site/dom.js";
import { REQUEST, limit, mark, tooLong } from "../site/limits.js";
import { openMenu } from "../site/menu.js";
import { explain } from "../site/notices.js";
import { words } from "../site/words.js";
import { Attachments, picturesOf, withFiles } from "./attachments.js";
import { Mention, addressed } from "./mention.js";
import { showSamples } from "./samples.js";
import { TaskOptions } from "./task_options.js";
import { WhenSaid } from "./when_said.js";

const DRAFT_WAIT = 300;

/**
 * The form in `element` (see templates/parts/composer.html). `draftKey` names its draft; `agents` are those offered;
 * `send(body, key)` does the sending and may throw ApiError; `stop()` stops what runs.
 */
export class Composer {
  constructor({ element, agents, draftKey, send, stop = null, start = {} }) {
    this.form = element;
    this.agents = agents;
    this.draftKey = draftKey;
    this.send = send;
    this.stopRunning = stop;
    this.text = element.querySelector("textarea");
    this.agentChip = element.querySelector("[data-part=agent]");
    this.whenChip = element.querySelector("[data-part=when]");
    this.meanwhileChip = element.querySelector("[data-part=meanwhile]");
    this.meanwhile = "beside";
    this.go = element.querySelector("[data-part=send]");
    this.wrong = element.querySelector("[data-part=wrong]");
    this.slot = element.querySelector("[data-part=picker]");
    this.answerSlot = element.querySelector("[data-part=answering]");
    this.busy = false;
    this.running = false;
    this.answering = null;
    this.placeholder = this.text.placeholder;
    this.attemptKey = null;
    const draft = { ...this.readDraft(), ...start };
    this.text.value = draft.text ?? "";
    this.fits = limit(this.text, REQUEST, this.wrong);
    this.agent = agents.some((agent) => agent.name === draft.agent) ? draft.agent : null;
    this.picker = new SchedulePicker({ state: draft.when ?? null, onchange: () => this.changed() });
    this.options = new TaskOptions({ state: draft.options ?? {}, recurring: this.picker.recurring, onchange: () => this.changed() });
    this.pickerBox = h("div.picker", { hidden: true }, this.picker.element, this.options.element);
    this.slot.append(this.pickerBox);
    this.said = new WhenSaid({
      textarea: this.text,
      slot: element.querySelector("[data-part=said]"),
      active: () => !this.answering && !this.busy && this.picker.state.kind === "once",
      ontake: (schedule, request) => this.take(schedule, request),
    });
    this.samples = element.querySelector("[data-part=samples]");
    // Before the composer's own keys: an Enter that chooses an agent sends nothing.
    this.mention = new Mention({
      textarea: this.text,
      slot: element.querySelector("[data-part=mention]"),
      agents,
      active: () => !this.answering && !this.busy,
      onpick: (name) => { this.agent = name; this.changed(); this.fit(); },
    });
    this.attachments = new Attachments({
      form: element,
      slot: element.querySelector("[data-part=files]"),
      button: element.querySelector("[data-part=attach]"),
      files: draft.files ?? [],
      allowed: () => !this.busy,
      agent: () => (this.answering ? null : this.agents.find((one) => one.name === this.agent) ?? null),
      onchange: () => { this.attemptKey = null; this.changed(); },
      say: (text) => this.say(text),
    });
    this.bind();
    this.draw();
    if (this.text.value) this.fits({ lead: false });
  }

  bind() {
    this.text.addEventListener("input", () => { this.attemptKey = null; this.changed(); this.fit(); });
    this.text.addEventListener("keydown", (event) => {
      // While an input method is composing, Enter chooses a word; keyCode 229 is how older browsers say so.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.agentChip.addEventListener("click", () => this.chooseAgent());
    this.whenChip.addEventListener("click", () => this.togglePicker());
    this.meanwhileChip.addEventListener("click", () => this.chooseMeanwhile());
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.pickerBox.hidden && !event.defaultPrevented) {
        this.togglePicker(false);
        this.whenChip.focus();
      }
    });
    addEventListener("pagehide", () => { if (this.timer) this.writeDraft(); });
    this.fit();
  }

  /** Grow with the text where the browser does not do so itself. */
  fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  togglePicker(open = this.pickerBox.hidden) {
    this.pickerBox.hidden = !open;
    this.whenChip.setAttribute("aria-expanded", String(open));
    if (open) this.picker.segments.querySelector('[aria-pressed="true"]').focus();
  }

  chooseAgent() {
    const choose = (name) => { this.agent = name; this.changed(); this.text.focus(); };
    openMenu(this.agentChip, [
      { label: words.chooseForMe, hint: words.chooseHint, lead: icon("sparkles"), checked: this.agent === null, act: () => choose(null) },
      ...this.agents.map((agent) => ({ label: agent.display_name, hint: agent.description, lead: face(agent.name), checked: this.agent === agent.name, act: () => choose(agent.name) })),
    ]);
  }

  chooseMeanwhile() {
    openMenu(this.meanwhileChip, Object.entries(words.meanwhile).map(([value, [label, hint]]) => ({
      label, hint, checked: this.meanwhile === value, act: () => { this.meanwhile = value; this.changed(); this.text.focus(); },
    })));
  }

  /** The next message answers `question` ({taskId, agent}), or nothing (null). */
  setAnswering(question) {
    if (JSON.stringify(question) === JSON.stringify(this.answering)) return;
    this.answering = question;
    this.draw();
  }

  /** The next message is no answer to the question that waits. */
  aside() {
    if (!this.answering) return;
    this.dismissed = this.answering.taskId ?? "plan";
    this.setAnswering(null);
  }

  /** Whether an agent answers now: the button then stops it, as long as nothing is typed. `busy`: anything runs here. */
  setRunning(running, busy = running) {
    if (running === this.running && busy === this.beside) return;
    this.running = running;
    this.beside = busy;
    if (!busy) this.meanwhile = "beside";
    this.draw();
  }

  /** Put a text in, as if it had been typed. */
  write(text) {
    this.text.value = text;
    this.changed();
    this.fit();
    this.text.focus();
  }

  /** Make what the text said about when the schedule, and the rest of it the request. */
  take(schedule, request) {
    this.text.value = request;
    this.picker.put(SchedulePicker.stateOf({ schedule }));
    this.changed();
    this.fit();
    this.text.focus();
  }

  changed() {
    if (!this.attachments) return;
    this.options.recur(this.picker.recurring);
    if (this.said && this.picker.state.kind !== "once") this.said.clear();
    this.draw();
    this.timer ||= setTimeout(() => this.writeDraft(), DRAFT_WAIT);
  }

  draw() {
    const agent = this.agents.find((one) => one.name === this.agent);
    this.agentChip.classList.toggle("on", Boolean(agent));
    this.agentChip.replaceChildren(icon(agent ? "bot" : "sparkles"), h("span.clip", null, agent ? agent.display_name : words.chooseForMe), icon("chevron-down"));
    const { kind } = this.picker.state;
    const planned = kind !== "once";
    this.whenChip.classList.toggle("on", planned);
    this.whenChip.replaceChildren(icon(this.picker.recurring ? "repeat" : "clock"), h("span.clip", null, planned ? this.picker.summary || words.picker.kinds[kind] : words.once), icon("chevron-down"));
    this.agentChip.hidden = this.whenChip.hidden = Boolean(this.answering);
    this.meanwhileChip.hidden = Boolean(this.answering) || !this.beside;
    this.meanwhileChip.classList.toggle("on", this.meanwhile !== "beside");
    this.meanwhileChip.replaceChildren(h("span.clip", null, words.meanwhile[this.meanwhile][0]), icon("chevron-down"));
    showSamples(this.samples, this.answering || this.text.value ? null : agent, (text) => this.write(text));
    this.answerSlot.replaceChildren();
    this.text.placeholder = this.answering ? words.answerPlaceholder : this.placeholder;
    if (this.answering) {
      this.togglePicker(false);
      this.answerSlot.append(h("div.note", null, icon("message-circle-question-mark"), h("span.grow", null, words.answering(this.answering.agent || words.planner)),
        h("button.button.bare.small", { type: "button", title: words.somethingElse, "aria-label": words.somethingElse, onclick: () => { this.aside(); this.text.focus(); } }, icon("x"))));
    }
    const stopping = this.running && this.stopRunning && !this.hasContent;
    const word = stopping ? words.stop : planned && !this.answering ? words.schedule : words.send;
    this.go.classList.toggle("stop", Boolean(stopping));
    this.go.setAttribute("aria-label", word);
    this.go.title = word;
    this.go.disabled = this.busy;
    this.go.replaceChildren(this.busy ? icon("loader-circle", "i spin") : icon(stopping ? "square" : planned && !this.answering ? "calendar-clock" : "arrow-up"));
  }

  get hasContent() {
    return Boolean(this.text.value.trim() || this.attachments.files.length);
  }

  async submit() {
    if (this.busy) return;
    const typed = this.text.value;
    if (!this.hasContent) {
      if (this.running && this.stopRunning) {
        this.busy = true;
        this.draw();
        await this.stopRunning();
        this.busy = false;
        this.draw();
      } else {
        this.say(words.empty);
        this.text.focus();
      }
      return;
    }
    if (!this.fits()) return;
    const named = this.answering ? null : addressed(this.agents, typed);
    if (named) this.agent = named.agent.name;
    const text = withFiles(named ? named.text : typed, this.attachments.files);
    if (!text.trim()) {
      this.say(words.empty);
      return;
    }
    const pictures = picturesOf(this.attachments.files);
    const long = tooLong(text, REQUEST);
    if (long) {
      this.say(words.withFiles(long));
      return;
    }
    let body = { text, ...(pictures.length ? { files: pictures } : {}) };
    if (this.answering) {
      if (this.answering.taskId) body.answer_to = this.answering.taskId;
    } else {
      // The question that was put aside stays open: this is no answer to it, whomever it is said to.
      if (this.dismissed) body.new_plan = true;
      if (this.beside && this.meanwhile !== "beside") body.meanwhile = this.meanwhile;
      try {
        body = { ...body, ...this.picker.value(), ...this.options.changes(), ...(this.agent ? { agent_name: this.agent } : {}) };
      } catch (error) {
        this.togglePicker(true);
        if (!this.options.complain(error)) this.say(error.message);
        return;
      }
    }
    this.say("");
    this.busy = true;
    this.draw();
    // One key for one request: trying again after a lost answer cannot ask twice. Another body needs another key.
    const print = JSON.stringify(body);
    if (this.attemptKey?.print !== print) this.attemptKey = { print, key: newKey() };
    try {
      await this.send(body, this.attemptKey.key);
      this.attemptKey = null;
      if (this.text.value === typed) this.text.value = "";
      this.attachments.clear();
      this.meanwhile = "beside";
      this.fits({ lead: false });
      this.said.clear();
      this.picker.put({});
      this.options.reset();
      this.togglePicker(false);
      this.writeDraft();
      this.fit();
    } catch (error) {
      this.refused(error);
    }
    this.busy = false;
    this.draw();
  }

  refused(error) {
    if (error.status && error.status !== 429 && error.status < 500) this.attemptKey = null;
    const inPicker = [this.picker.complain(error), this.options.complain(error)].some(Boolean);
    if (inPicker) this.togglePicker(true);
    const own = fieldText(error, "text", "agent_name", "answer_to", "files", "body");
    mark(this.text, fieldText(error, "text"));
    // Signing in leads away from here, and back: what is typed has to be kept by then.
    this.writeDraft();
    this.wrong.replaceChildren(...(own || inPicker ? [own] : explain({ signedOut: error.signedOut, message: Object.values(error.fields ?? {}).flat().join(" ") || error.message }, { stay: false })));
    this.text.focus();
  }

  say(text) {
    this.wrong.textContent = text;
  }

  /** Choose an agent by name, where it is offered. */
  setAgent(name) {
    if (!this.agents.some((agent) => agent.name === name)) return;
    this.agent = name;
    this.draw();
  }

  /** Put a whole request in, as if it had been typed and chosen. */
  fill({ agent = null, text, when }) {
    this.text.value = text;
    this.agent = agent;
    this.picker.put(when);
    this.changed();
    this.fit();
    this.fits({ lead: false });
  }

  /** What is written and chosen now, for `restore`. */
  kept() {
    const { files } = this.attachments;
    return { text: this.text.value, agent: this.agent, when: { ...this.picker.state }, options: this.options.state, ...(files.length ? { files } : {}) };
  }

  focus() {
    this.text.focus();
  }

  readDraft() {
    try {
      return JSON.parse(localStorage.getItem(this.draftKey)) ?? {};
    } catch {
      return {};
    }
  }

  writeDraft() {
    clearTimeout(this.timer);
    this.timer = 0;
    try {
      const { kind } = this.picker.state;
      const { files } = this.attachments;
      if (!this.text.value && !files.length && kind === "once" && !Object.keys(this.options.state).length) {
        if (this.agent) localStorage.setItem(this.draftKey, JSON.stringify({ agent: this.agent }));
        else localStorage.removeItem(this.draftKey);
      } else localStorage.setItem(this.draftKey, JSON.stringify(this.kept()));
    } catch {
      // A full or forbidden storage loses the draft on reload, nothing else.
    }
  }

}

/** Whether the API itself said no, so that nothing came of it. What got no answer, or a proxy's, may have arrived. */
const refused = ({ status }) => status === 500 || (status >= 400 && status < 500 && ![401, 408, 409, 429].includes(status));

/** Take back a conversation that was made for a message that was refused; resolves to whether it is gone. */
async function takeBack(id) {
  const { items } = await call("GET", to`/plans?conversation_id=${id}&limit=1`);
  if (items.length) return false;
  await call("DELETE", to`/conversations/${id}`);
  return true;
}

/**
 * Send to `conversationId`, made first where there is none yet: kept for a second try where the message may have
 * arrived, taken back where it was refused. Resolves to its id.
 */
export function sender({ conversationId = null, onsent = () => {} } = {}) {
  let id = conversationId;
  let creating = null;
  return async (body, key) => {
    if (!id) {
      const title = body.text.trim().split("\n", 1)[0].slice(0, 80);
      // What was asked first stays what is asked again: the same key with another body would be refused.
      creating ??= { key: newKey(), body: { title, ...(body.agent_name ? { agent_name: body.agent_name } : {}) } };
      try {
        id = (await call("POST", "/conversations", creating.body, { key: creating.key })).id;
      } catch (error) {
        if (error.status >= 400 && error.status < 500 && error.status !== 429) creating = null;
        throw error;
      }
    }
    let plan;
    try {
      plan = await call("POST", to`/conversations/${id}/messages`, body, { key });
    } catch (error) {
      if (creating && refused(error) && (await takeBack(id).catch(() => false))) id = creating = null;
      throw error;
    }
    creating = null;
    onsent(id, plan);
    return id;
  };
}
