// One item of a transcript as an element: who is asked, what is said, thought, called, shown, or went wrong.
import { h, icon } from "../site/dom.js";
import { span } from "../site/times.js";
import { words } from "../site/words.js";
import { component } from "./components/registry.js";
import { unknown } from "./components/unknown.js";
import { asText, looseParse } from "./loose.js";
import { GrowingProse, copyButton } from "./markdown.js";

/**
 * The body of an item: {element, grow(delta)?, settle()?}. `context.announce(text)` speaks a finished paragraph;
 * `context.answer(item)` leads to the composer, `context.reply(item, text)` answers at once.
 */
export function bodyOf(item, context) {
  switch (item.event) {
    case "thread_started":
      return { element: asked(item, context) };
    case "message_chunk":
    case "message":
      return item.role === "user" ? { element: asked(item, context) } : text(item, context);
    case "plan_require_user_input":
      return question(item, context);
    case "reasoning_started":
    case "reasoning":
    case "reasoning_completed":
      return reasoning(item);
    case "tool_call_started":
    case "tool_call_completed":
      return toolCall(item);
    case "component_generator": {
      const element = component(item, context);
      return { element, grow: element.grow, settle: element.settle };
    }
    case "task_failed":
      return failure(words.taskFailed, item);
    case "plan_failed":
      return failure(words.planFailed, item);
    case "task_cancelled":
      return { element: h("div.said", null, icon("ban"), h("span", null, asText(item.payload.content) || words.taskCancelled)) };
    default:
      return { element: unknown(item.event, item.payload) };
  }
}

/** What the person said; `context.edit(item)` takes it to the composer again. */
function asked(item, context) {
  const content = asText(item.payload.content);
  const edit = context.edit && !context.readOnly
    ? h("button.button.bare.small", { type: "button", "aria-label": words.editAndSend, title: words.editAndSend, onclick: () => context.edit(item) }, icon("pencil"))
    : null;
  const files = Array.isArray(item.payload.files) ? item.payload.files : [];
  const chips = files.map((file) => h("span.chip.sent-file", null, icon("image"), h("span.clip", null, asText(file?.name))));
  return h("div.mine", null, h("div.asked", null, content, chips.length ? h("div.row.tight", null, chips) : null), h("div.row.tight.asked-acts", null, copyButton(() => content), edit));
}

function text(item, context) {
  const growing = new GrowingProse({ onblock: (block) => context.announce(block.textContent) });
  growing.set(asText(item.payload.content));
  return { element: growing.element, grow: (delta) => growing.append(delta), settle: () => growing.finish() };
}

function question(item, context) {
  const prose = new GrowingProse();
  prose.set(asText(item.payload.content));
  const element = h("section.card.question", null,
    h("header", null, icon("message-circle-question-mark"), h("span.grow", null, `${item.agent_name || words.planner} ${words.asks}`)),
    prose.element,
    context.readOnly ? null : h("div.row", { role: "group", "aria-label": words.answer }, answers(item, context)));
  return { element, grow: (delta) => prose.append(delta), settle: () => prose.finish() };
}

/** The buttons of a question: the planner's, whose possible answers are known, are answered with one press. */
function answers(item, context) {
  const write = (word, kind = "") => h("button.button", { class: kind, type: "button", onclick: () => context.answer(item) }, word);
  // Only the planner's question has no task; what an agent says beside its own is no reason to offer anything.
  const { asks, proposal, plan_id: plan } = item.task_id ? {} : item.metadata;
  if (!plan || !context.reply) return write(words.answer, "primary");
  const act = (word, carryOut, kind = "") => h("button.button", {
    class: kind,
    type: "button",
    async onclick(event) {
      const buttons = event.currentTarget.parentElement.querySelectorAll("button");
      buttons.forEach((button) => { button.disabled = true; });
      await carryOut();
      buttons.forEach((button) => { button.disabled = false; });
    },
  }, word);
  // The answer is in the language of the question, as the planner reads both.
  const said = /[\u4e00-\u9fff]/.test(asText(item.payload.content)) ? words.sayInChinese : words.say;
  const press = (word, text, kind) => act(word, () => context.reply(item, text), kind);
  const drop = act(words.cancelQuestion, () => context.drop(item), "bare");
  if (asks === "confirm") return [press(words.confirm, said.yes, "primary"), write(words.change), press(words.decline, said.no), drop];
  if (asks === "time" && proposal) {
    return [
      press(words.takeProposal(proposal.summary), said.yes, "primary"),
      write(words.sayWhen),
      proposal.meant ? press(words.runAsItStands, said.no) : null,
      drop,
    ];
  }
  return [write(words.answer, "primary"), drop];
}

function reasoning(item) {
  const prose = new GrowingProse();
  prose.set(asText(item.payload.content));
  const open = item.event !== "reasoning_completed";
  const label = h("span", null, open ? words.thinking : words.thought);
  const details = h("details.fold", null, h("summary", null, icon("sparkles"), label, icon("chevron-right", "i turn")), h("div.inner", null, prose.element));
  const began = performance.now();
  return {
    element: details,
    grow: (delta) => prose.append(delta),
    settle() {
      prose.finish();
      label.textContent = open ? words.thoughtFor(span(performance.now() - began)) : words.thought;
    },
  };
}

const ABOUT_TOOL = new Set(["tool_call_id", "tool_name", "tool_result", "content"]);

function toolCall(item) {
  const { payload } = item;
  const over = item.event === "tool_call_completed";
  const others = Object.fromEntries(Object.entries(payload).filter(([key, value]) => !ABOUT_TOOL.has(key) && value !== null && value !== ""));
  const given = others.tool_args ?? others.tool_arguments ?? others.arguments ?? others.args ?? (Object.keys(others).length ? others : null);
  const result = asText(payload.tool_result ?? payload.content);
  const brief = given ? asText(given).replace(/\s+/g, " ").slice(0, 60) : "";
  const failed = over && /^\s*error\b/i.test(result);
  const summary = h("summary", null, icon(failed ? "circle-alert" : "wrench"), h("code.clip", null, asText(payload.tool_name) || words.tool),
    brief ? h("span.quiet.clip", null, brief) : null,
    over ? icon("chevron-right", "i turn") : h("span.pill.running", null, words.calling));
  return {
    element: h("details.fold", null, summary, h("div.inner", null,
      given ? [h("span.tiny.quiet", null, words.toolArguments), h("pre.block", { tabindex: "0" }, pretty(given))] : null,
      result ? [h("span.tiny.quiet", null, words.toolResult), h("pre.block", { tabindex: "0" }, pretty(result))] : null)),
  };
}

/** A tool's text: the `content` texts of a JSON list where it is one, indented JSON where it is JSON, else as it is. */
function pretty(value) {
  const parsed = typeof value === "string" && /^\s*[[{]/.test(value) ? looseParse(value) : value;
  if (Array.isArray(parsed) && parsed.length && parsed.every((one) => typeof one?.content === "string")) return parsed.map((one) => one.content).join("\n\n");
  return parsed === undefined ? asText(value) : asText(parsed);
}

function failure(title, item) {
  const why = asText(item.payload.content) || asText(item.payload.error);
  return { element: h("div.note.failed", null, icon("circle-alert"), h("span", null, h("b", null, title), why ? `: ${why}` : "")) };
}
