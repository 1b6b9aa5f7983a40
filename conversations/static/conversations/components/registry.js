// Which function shows which component_type. Upper floors register what needs more than the conversation (a task's card).
import { claimed, unknown } from "./unknown.js";

const renderers = new Map();

/**
 * Show `type` by `renderer(item, context)`, which returns an element. An element may carry `grow(delta)` (text that grows)
 * and `settle()` (nothing more comes). `context` is {conversationId, …what the page adds}.
 */
export function register(type, renderer) {
  renderers.set(type, renderer);
}

/** Whether an agent says here what only the system may say of tasks (tasks/agents/speech.py marks it). */
export const isClaim = (item) => Boolean(item.metadata?.unverified);

/** The element of a component item; never throws, whatever the agent sent. */
export function component(item, context) {
  const type = item.payload.component_type;
  if (isClaim(item)) return claimed(item);
  const renderer = renderers.get(type);
  if (!renderer) return unknown(type, item.payload);
  try {
    return renderer(item, context);
  } catch (error) {
    console.warn("component could not be shown", type, error);
    return unknown(type, item.payload);
  }
}
