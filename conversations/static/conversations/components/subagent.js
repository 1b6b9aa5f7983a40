// Work that was handed to another agent, in a conversation of its own: where it is and whether it goes on.
import { to } from "../../site/api.js";
import { face, h, icon } from "../../site/dom.js";
import { words } from "../../site/words.js";
import { asText, looseObject } from "../loose.js";
import { register } from "./registry.js";

function subagent(item) {
  const data = looseObject(asText(item.payload.content)) ?? {};
  const agent = asText(data.agent_name) || item.agent_name || "";
  const over = data.phase === "end";
  const id = asText(data.conversation_id);
  return h("section.card", null, h("header", null, icon("corner-down-right"), face(agent),
    h("span.grow", null, over ? words.handedBack(agent) : words.handedTo(agent)),
    h("span.pill", { class: over ? "completed" : "running" }, over ? words.phases.completed : words.phases.running),
    id ? h("a.small", { href: to`/conversations/${id}/` }, words.openConversation) : null));
}

register("subagent_conversation", subagent);
