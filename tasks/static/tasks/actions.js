// What a person can do to a task, each with its toast and the way back.
import { call, newKey, to } from "../site/api.js";
import { ask, complain, toast } from "../site/notices.js";
import { words } from "../site/words.js";

async function reload(task, store) {
  const fresh = await call("GET", to`/tasks/${task.id}`);
  store?.put(fresh);
  return fresh;
}

/** Run `act`, saying why where it is refused; resolves to what it gave, or null. */
async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    complain(error);
    return null;
  }
}

export const trigger = (task, store) => attempt(async () => {
  const run = await call("POST", to`/tasks/${task.id}/trigger`, {}, { key: newKey() });
  store?.putRun(run);
  toast(words.started, { seconds: 4 });
  return reload(task, store);
});

/** Run once more: the latest run, or `runId`. */
export const runAgain = (task, store, runId = null) => attempt(async () => {
  const run = await call("POST", to`/tasks/${task.id}/run-again`, runId ? { run_id: runId } : {}, { key: newKey() });
  store?.putRun(run);
  toast(words.started, { seconds: 4 });
  return reload(task, store);
});

export const pause = (task, store) => attempt(async () => {
  const fresh = await call("POST", to`/tasks/${task.id}/pause`, {});
  store?.put(fresh);
  toast(words.pausedNow, { actions: [{ word: words.resume, act: () => resume(task, store) }] });
  return fresh;
});

export const resume = (task, store) => attempt(async () => {
  const fresh = await call("POST", to`/tasks/${task.id}/resume`, {});
  store?.put(fresh);
  toast(words.resumedNow, { seconds: 4 });
  return fresh;
});

/** Cancel at once; the toast offers to run or schedule it again. */
export const cancel = (task, store) => attempt(async () => {
  await call("POST", to`/tasks/${task.id}/cancel`, {});
  const again = task.pattern === "recurring"
    ? { word: words.scheduleAgain, act: () => scheduleAgain(task, store) }
    : { word: words.runAgain, act: () => runAgain(task, store) };
  toast(words.cancelledNow, { actions: [again] });
  return reload(task, store);
});

/** A new task with the cancelled one's text, agent, schedule and options. */
export const scheduleAgain = (task, store) => attempt(async () => {
  const fresh = await call("POST", to`/tasks/${task.id}/clone`, {}, { key: newKey() });
  store?.put(fresh);
  toast(words.scheduledAgain, { seconds: 4 });
  return fresh;
});

/** Cancel what is unfinished of a plan, once the number was seen. Resolves to whether it was done. */
export async function cancelPlan(planId, unfinished) {
  const go = await ask({ title: words.plan.cancelTitle(unfinished), hint: words.plan.cancelHint, act: words.plan.cancel, danger: true });
  return Boolean(go && await attempt(async () => {
    const { cancelled } = await call("POST", to`/plans/${planId}/cancel`, {});
    toast(words.plan.cancelled(cancelled), { seconds: 5 });
    return true;
  }));
}
