// What happens to the person's tasks, runs and conversations, as the activity socket tells it, shared by all parts of a page.
import { keepOpen } from "./live.js";

const listeners = { task_changed: new Set(), run_changed: new Set(), conversation_changed: new Set(), ready: new Set(), connected: new Set() };
let connection = null;

/**
 * Hear of changes: `kind` is task_changed, run_changed, conversation_changed (called with the object), ready (called
 * after each connection but the first: what was missed must be asked for) or connected (after the first: what happened
 * since the server made the page was not heard). Returns a function that stops it.
 */
export function onActivity(kind, listener) {
  listeners[kind].add(listener);
  connection ??= connect();
  return () => listeners[kind].delete(listener);
}

function connect() {
  let times = 0;
  return keepOpen({
    address: () => "/ws/activity/",
    onframe(frame) {
      if (frame.ready) listeners[times++ > 0 ? "ready" : "connected"].forEach((listener) => listener());
      for (const { event, data } of frame.events ?? []) listeners[event]?.forEach((listener) => listener(data));
    },
  });
}
