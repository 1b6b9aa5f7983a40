// A conversation: the live transcript, the composer under it, the tasks beside it, and what can be done to the whole.
import "../conversations/components/artifact.js";
import "../conversations/components/cards.js";
import "../conversations/components/result.js";
import "../conversations/components/subagent.js";
import { follow } from "../conversations/socket.js";
import { Transcript } from "../conversations/transcript.js";
import { onActivity } from "../site/activity.js";
import { call, newKey, to } from "../site/api.js";
import { button, embedded, h, icon } from "../site/dom.js";
import { named } from "../site/names.js";
import { ask, complain, explain, toast } from "../site/notices.js";
import { setTitle } from "../site/tab_title.js";
import { words } from "../site/words.js";
import { cancelPlan } from "./actions.js";
import { knowWords, registerController, taskCard } from "./card.js";
import { Composer, sender } from "./composer.js";
import { keepSeen } from "./seen.js";
import { SchedulePicker } from "./schedule_picker.js";
import { BUSY, ENDED, TaskStore } from "./store.js";

const page = embedded("page");
const { id } = page.conversation;
const conversation = page.conversation;
const $ = (name) => document.getElementById(name);

const store = new TaskStore(page.tasks, (task) => task.conversation_id === id);
for (const { task, words: said } of page.tasks) knowWords(task.schedule, said);
registerController(store);

const composer = new Composer({
  element: $("composer"),
  agents: embedded("agents", []),
  draftKey: `draft:${document.body.dataset.user}:${id}`,
  send: sender({ conversationId: id, onsent(_id, plan) { transcript.toEnd(); plan.tasks.forEach((task) => store.put(task)); } }),
  stop: stopAnswers,
});
if (!composer.agent && conversation.agent_name) composer.setAgent(conversation.agent_name);

const transcript = new Transcript({
  root: $("transcript"),
  scroller: $("scroll"),
  seq: page.seq,
  envelopes: page.envelopes,
  more: page.more,
  load: async (before, limit) => (await call("GET", to`/conversations/${id}/items?before_position=${before}&limit=${limit}`)).items,
  context: { conversationId: id, answer: (item) => answer(item.task_id ?? item.metadata.plan_id, item.agent_name), reply, drop, edit },
});

// What the page says of the conversation is as old as its counter.
transcript.waits(conversation.status === "require_user_input", page.seq);

// The composer: whose question is answered, and whether something can be stopped.

let picked = null; // the question that the person chose to answer

function once() {
  return store.all().map(({ task }) => task).filter((task) => task.pattern === "once" && task.conversation_id === id && BUSY.has(task.phase));
}

/** Answer this question next (of a task, or of a plan), and not the newest one. */
function answer(taskId, agent) {
  composer.dismissed = null;
  picked = taskId ? { taskId, agent } : null;
  composer.setAnswering({ taskId: taskId ?? null, agent });
  composer.focus();
}

/** Write what was asked once more: its text, and where one agent alone had it, that agent and when it was to run. */
function edit(item) {
  const before = composer.kept();
  const tasks = store.all().map(({ task }) => task).filter((task) => task.thread_id === item.thread_id);
  const { agent_name: agent = null, schedule } = tasks.length === 1 ? tasks[0] : {};
  const { start_at: _past, ...again } = schedule ?? {};
  const recurring = tasks.length === 1 && tasks[0].pattern === "recurring" && !schedule.on_event;
  composer.aside();
  composer.fill({ agent, text: item.payload.content, when: recurring ? SchedulePicker.stateOf({ schedule: again }) : {} });
  composer.focus();
  if (before.text.trim()) toast(words.replaced, { actions: [{ word: words.undo, act: () => { composer.fill(before); composer.focus(); } }] });
}

/** Answer the planner's question at once. */
async function reply(item, text) {
  try {
    const plan = await call("POST", to`/conversations/${id}/messages`, { text, answer_to: item.metadata.plan_id }, { key: newKey() });
    plan.tasks.forEach((task) => store.put(task));
    transcript.toEnd();
  } catch (error) {
    complain(error);
  }
}

/** Cancel a plan that waits for the answer to the planner's question. */
async function drop(item) {
  try {
    await call("POST", to`/plans/${item.metadata.plan_id}/cancel`, {});
    transcript.close(item);
    toast(words.questionCancelled, { seconds: 4 });
  } catch (error) {
    complain(error);
  }
}

function followTasks() {
  const tasks = store.all().map(({ task }) => task).filter((task) => task.conversation_id === id);
  const busy = tasks.filter((task) => BUSY.has(task.phase));
  $("running").hidden = !busy.length;
  $("running").textContent = words.runningCount(busy.length);
  composer.setRunning(once().length > 0, busy.length > 0);
  const asking = tasks.filter((task) => task.phase === "waiting_input").sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
  if (picked && composer.dismissed === picked.taskId) picked = null;
  const known = picked && store.get(picked.taskId);
  if (picked && (known ? known.task.phase !== "waiting_input" : conversation.status !== "require_user_input")) picked = null;
  const [waiting] = asking;
  if (picked) composer.setAnswering(picked);
  else if (waiting && composer.dismissed !== waiting.id) composer.setAnswering({ taskId: waiting.id, agent: waiting.agent_name });
  else if (!waiting && conversation.status === "require_user_input" && !(composer.dismissed && !store.get(composer.dismissed))) composer.setAnswering({ taskId: null, agent: "" });
  else if (!waiting && conversation.status !== "require_user_input") {
    composer.dismissed = null;
    composer.setAnswering(null);
  }
  const idle = new Set(tasks.filter((task) => !BUSY.has(task.phase)).map((task) => task.id));
  transcript.settle((item) => idle.has(item.task_id));
  showWorking(busy);
  drawRail(tasks);
}

/** A line under the transcript while an agent works and has said nothing yet. */
function showWorking(busy) {
  const last = transcript.state.order[transcript.state.order.length - 1];
  const silent = busy.filter((task) => !(last && last.task_id === task.id && last.role !== "user"));
  transcript.working(silent.map((task) => ({ agent: task.agent_name, phase: task.phase })));
}

async function stopAnswers() {
  const tasks = once();
  try {
    await Promise.all(tasks.map((task) => call("POST", to`/tasks/${task.id}/cancel`, {})));
    toast(words.stopped(tasks.length), { seconds: 4 });
    tasks.forEach((task) => store.fetch(task.id));
  } catch (error) {
    complain(error);
  }
}

// The rail: unfinished tasks as cards, ended ones folded under them.

const cards = new Map();
const railList = $("rail-tasks");
const endedList = h("div.stack.snug");
const endedTitle = h("span");
const ended = h("details.fold", { hidden: true }, h("summary", null, icon("chevron-right", "i turn"), endedTitle), endedList);
const none = h("p.quiet.small", null, words.noTasks);
const openList = h("div.stack.snug");
railList.append(none, openList, ended);

function drawRail(tasks) {
  tasks.sort((a, b) => (a.id < b.id ? 1 : -1));
  for (const task of tasks) if (!cards.has(task.id)) cards.set(task.id, taskCard(task.id, store, { rail: true }));
  const over = tasks.filter((task) => ENDED.has(task.phase));
  const open = tasks.filter((task) => !ENDED.has(task.phase));
  arrange(openList, withHeads(open, tasks));
  arrange(endedList, over.map((task) => cards.get(task.id)));
  none.hidden = tasks.length > 0;
  ended.hidden = !over.length;
  endedTitle.textContent = words.showEnded(over.length);
}

/** The cards of unfinished tasks; over those of a plan of several stands how far it is, and what ends it. */
function withHeads(open, tasks) {
  const rows = [];
  const headed = new Set();
  for (const task of open) {
    const steps = tasks.filter((other) => other.plan_id === task.plan_id);
    if (steps.length > 1 && !headed.has(task.plan_id)) {
      headed.add(task.plan_id);
      rows.push(headOf(task.plan_id, steps));
    }
    rows.push(cards.get(task.id));
  }
  for (const [planId, head] of heads) if (!headed.has(planId)) head.remove();
  return rows;
}

const heads = new Map();

function headOf(planId, steps) {
  if (!heads.has(planId)) {
    const progress = h("span.quiet.num", null);
    const stop = button(words.plan.cancel, "ban", async () => {
      const goOn = store.all().filter(({ task }) => task.plan_id === planId && !ENDED.has(task.phase));
      if (await cancelPlan(planId, goOn.length)) goOn.forEach(({ task }) => store.fetch(task.id));
    }, { kind: "danger small" });
    heads.set(planId, h("div.row.plan-head", { "data-plan": planId }, h("h3.grow", null, words.plan.title, " ", progress), stop));
  }
  const head = heads.get(planId);
  const done = steps.filter((task) => ENDED.has(task.phase)).length;
  head.querySelector(".num").textContent = `· ${words.plan.progress(done, steps.length)}`;
  return head;
}

/** Put elements into a list in their order, moving only what stands elsewhere. */
function arrange(list, elements) {
  elements.forEach((element, place) => {
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });
}

let drawing = 0;
function soon() {
  drawing ||= requestAnimationFrame(() => { drawing = 0; followTasks(); });
}
store.watchAll(soon);
followTasks();

const rail = $("rail");
const showRail = (open) => {
  rail.classList.toggle("open", open);
  $("rail-open").setAttribute("aria-expanded", String(open));
  (open ? $("rail-close") : $("rail-open")).focus();
};
$("rail-open").addEventListener("click", () => showRail(true));
$("rail-close").addEventListener("click", () => showRail(false));
addEventListener("keydown", (event) => { if (event.key === "Escape" && rail.classList.contains("open")) showRail(false); });

// The conversation itself: title, cancel everything, delete.

onActivity("conversation_changed", (fresh) => {
  if (fresh.id !== id) return;
  take(fresh);
  transcript.waits(fresh.status === "require_user_input");
  followTasks();
});

function showTitle(title) {
  $("title").textContent = named(title);
  setTitle(named(title));
}

function take(fresh) {
  Object.assign(conversation, fresh);
  showTitle(fresh.title);
}

$("more").addEventListener("click", async (event) => {
  const anchor = event.currentTarget;
  const { openConversationMenu } = await import("./conversation_acts.js");
  openConversationMenu(anchor, conversation, {
    changed: take,
    gone: () => location.assign("/"),
    more: [{ label: words.stopAll, icon: "ban", act: cancelAll }],
  });
});

async function cancelAll() {
  if (!(await ask({ title: words.stopAllTitle, hint: words.stopAllHint, act: words.cancel, danger: true }))) return;
  try {
    const { cancelled } = await call("POST", to`/conversations/${id}/cancel`, {});
    toast(words.stopped(cancelled), { seconds: 5 });
    store.refresh();
  } catch (error) {
    complain(error);
  }
}

// What came is seen while this page is looked at; and the address may name an item of long ago.

keepSeen({ id, unread: conversation.unread, seq: () => transcript.state.seq, busy: () => !$("running").hidden });
transcript.seek().then((there) => { if (!there && location.hash.startsWith("#item-")) toast(words.itemGone, { seconds: 5 }); }, complain);
addEventListener("hashchange", () => transcript.seek().catch(complain));

// The connection, in one line when it needs one.

let sayTimer = 0;
function showConnection(state, code) {
  clearTimeout(sayTimer);
  const banner = $("banner");
  const show = (text, action) => {
    banner.replaceChildren(icon("wifi-off"), h("span", null, text), action ?? "");
    banner.hidden = false;
  };
  if (state === "open") banner.hidden = true;
  else if (state === "waiting" && banner.hidden) sayTimer = setTimeout(() => show(navigator.onLine ? words.reconnecting : words.offline), 1500);
  else if (state === "closed" && code === 4401) show(words.signInAgain, h("a", { href: `/accounts/login/?next=${encodeURIComponent(location.pathname)}` }, words.signIn));
  else if (state === "closed" && code === 4404) show(words.gone, h("a", { href: "/" }, words.toConversations));
  else if (state === "closed") show(words.tooMany, h("a", { href: location.pathname }, words.reload));
}

follow({
  conversationId: id,
  store: transcript.store,
  onchange(change) {
    transcript.apply(change);
    if (change.added.size) soon();
    for (const { event, data } of change.passing) {
      if (event === "system_failed") toast(data.payload?.content ?? words.noAnswer, { kind: "failed" });
      else if (data.task_id && event !== "done") store.fetch(data.task_id);
    }
  },
  onreset: () => transcript.reset(),
  onstate: showConnection,
});
