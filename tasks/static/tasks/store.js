// What the page knows of tasks and their last runs, kept current by the activity socket; parts of the page watch it.
import { onActivity } from "../site/activity.js";
import { call, to } from "../site/api.js";

const RUNS_KEPT = 20;
export const ENDED = new Set(["completed", "failed", "cancelled"]);
export const BUSY = new Set(["running", "queued"]);

/**
 * @typedef {object} Entry
 * @property {object} task as the API gives it
 * @property {object[]} runs the newest first
 */
export class TaskStore {
  /** `entries`: [{task, runs, words}] as a page embeds them; `wanted(task)` says which unknown tasks to take in. */
  constructor(entries = [], wanted = () => false) {
    this.entries = new Map();
    this.watchers = new Map();
    this.everything = new Set();
    this.wanted = wanted;
    this.asked = new Map();
    for (const { task, runs } of entries) this.entries.set(task.id, { task, runs: runs ?? [] });
    onActivity("task_changed", (task) => { if (this.entries.has(task.id) || this.wanted(task)) this.put(task); });
    onActivity("run_changed", (run) => this.putRun(run));
    onActivity("ready", () => this.refresh());
    // Only what went on when the page was made can have changed in the moment since.
    onActivity("connected", () => { for (const { task } of this.entries.values()) if (BUSY.has(task.phase)) this.fetch(task.id); });
  }

  get(id) {
    return this.entries.get(id);
  }

  all() {
    return [...this.entries.values()];
  }

  /** Call `listener(entry)` now (when known) and at each change; asks the server for a task that is not known. */
  watch(id, listener) {
    if (!this.watchers.has(id)) this.watchers.set(id, new Set());
    this.watchers.get(id).add(listener);
    const entry = this.entries.get(id);
    if (entry) listener(entry);
    else this.fetch(id);
  }

  /** Call `listener()` at each change of any task. */
  watchAll(listener) {
    this.everything.add(listener);
  }

  put(task) {
    const entry = this.entries.get(task.id);
    if (!entry) this.entries.set(task.id, { task, runs: [] });
    else if (!(task.updated_at < entry.task.updated_at)) entry.task = { ...entry.task, ...task };
    this.tell(task.id);
  }

  putRun(run) {
    const entry = this.entries.get(run.task_id);
    if (!entry) return;
    const at = entry.runs.findIndex((other) => other.id === run.id);
    if (at >= 0) entry.runs[at] = run;
    else {
      entry.runs.unshift(run);
      entry.runs.sort((a, b) => (a.id < b.id ? 1 : -1));
      entry.runs.length = Math.min(entry.runs.length, RUNS_KEPT);
    }
    this.tell(run.task_id);
  }

  tell(id) {
    const entry = this.entries.get(id);
    this.watchers.get(id)?.forEach((listener) => listener(entry));
    this.everything.forEach((listener) => listener());
  }

  /** Ask the server for a task and its runs; several questions for one task at once become one. */
  fetch(id) {
    if (!this.asked.has(id)) {
      const asking = Promise.all([call("GET", to`/tasks/${id}`), call("GET", to`/tasks/${id}/runs?limit=${RUNS_KEPT}`)])
        .then(([task, runs]) => {
          this.entries.set(id, { task, runs: runs.items });
          this.tell(id);
        })
        .catch(() => {})
        .finally(() => this.asked.delete(id));
      this.asked.set(id, asking);
    }
    return this.asked.get(id);
  }

  /** After a pause of the connection: ask again for all that may have changed. */
  refresh() {
    for (const { task } of this.entries.values()) if (!ENDED.has(task.phase ?? task.status)) this.fetch(task.id);
  }
}
