// The first page: the composer makes a conversation and goes there; examples do so with one press.
import { Composer, sender } from "./composer.js";
import { call, to } from "../site/api.js";
import { embedded } from "../site/dom.js";
import { keepLive } from "../site/live_page.js";
import { complain, toast } from "../site/notices.js";
import { words } from "../site/words.js";
import { SchedulePicker } from "./schedule_picker.js";

const asked = new URLSearchParams(location.search);
const start = {};
if (asked.get("agent")) start.agent = asked.get("agent");
if (asked.get("text")) start.text = asked.get("text");

const deliver = sender();
const composer = new Composer({
  element: document.getElementById("composer"),
  agents: embedded("agents", []),
  draftKey: `draft:${document.body.dataset.user}:new`,
  start,
  async send(body, key) {
    const id = await deliver(body, key);
    // What was typed is forgotten once this returns; leaving a moment later lets it.
    setTimeout(() => location.assign(to`/conversations/${id}/`), 0);
  },
});
if (matchMedia("(pointer: fine)").matches) composer.focus();
if (start.text || start.agent) history.replaceState(null, "", location.pathname);

// A copy of a task: its text, agent and schedule, without the beginning and end that are over.
if (asked.get("copy")) {
  call("GET", to`/tasks/${asked.get("copy")}`).then((task) => {
    const over = (key) => task.schedule?.[key] && new Date(task.schedule[key]) <= new Date();
    const schedule = Object.fromEntries(Object.entries(task.schedule ?? {}).filter(([key]) => !(key.endsWith("_at") && over(key))));
    const timed = task.pattern === "recurring" ? !schedule.on_event : Boolean(schedule.start_at);
    composer.fill({ agent: task.agent_name, text: task.query, when: timed ? SchedulePicker.stateOf({ ...task, schedule }) : { kind: "once" } });
    if (timed) composer.togglePicker(true);
    composer.focus();
    toast(words.filledIn, { seconds: 6 });
    history.replaceState(null, "", location.pathname);
  }, complain);
}

document.getElementById("examples")?.addEventListener("click", (event) => {
  const example = event.target.closest(".example");
  if (!example) return;
  const { agent, text, minutes } = example.dataset;
  composer.fill({ agent, text, when: minutes ? { kind: "every", minutes } : { kind: "once" } });
  composer.submit();
});

keepLive({ kinds: ["conversation_changed", "run_changed"] });
