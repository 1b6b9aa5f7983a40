import { SchedulePicker, localIn } from "/static/tasks/schedule_picker.js";
import { equal, run, test } from "./check.js";

export { run };

const FULL = { cron: ["0 9 * * MON", "30 17 * * FRI"], timezone: "Asia/Tokyo", start_at: "2026-01-05T09:00:30+09:00", end_at: "2031-01-01T00:00:12+09:00", max_runs: 40, jitter_seconds: 30, exclude: ["2031-01-01", "SUN"] };
const opened = (schedule, rest = {}) => {
  const picker = new SchedulePicker({ kinds: ["every", "daily", "cron"], state: SchedulePicker.stateOf({ schedule, ...rest }) });
  return [picker, picker.value()];
};

test("a schedule that nobody touched is said whole, and nothing of it is sent", () => {
  const [picker, before] = opened(FULL, { overlap: "queue", catch_up: "all" });
  equal(before.schedule, { timezone: FULL.timezone, cron: FULL.cron, max_runs: 40, start_at: FULL.start_at, end_at: FULL.end_at, exclude: FULL.exclude, jitter_seconds: 30 });
  equal([before.overlap, before.catch_up], ["queue", "all"]);
  equal(picker.changes(before), {});
});
test("every expression has its line, and one that is changed takes none of the others with it", () => {
  const [picker, before] = opened(FULL);
  const area = picker.element.querySelector("textarea");
  equal([area.value, area.rows], ["0 9 * * MON\n30 17 * * FRI", 2]);
  area.value = area.value.replace("30 17", "45 17");
  area.dispatchEvent(new Event("input"));
  equal(picker.changes(before), { schedule: { cron: ["0 9 * * MON", "45 17 * * FRI"] } });
});
test("every time of a day has its field, and one that is changed takes none of the others with it", () => {
  const [picker, before] = opened({ daily_time: ["09:00", "13:30", "18:00"], timezone: "UTC" });
  const inputs = [...picker.element.querySelectorAll("input[type=time]")];
  equal(inputs.map((input) => input.value), ["09:00", "13:30", "18:00"]);
  inputs[1].value = "14:00";
  inputs[1].dispatchEvent(new Event("input"));
  equal(picker.changes(before), { schedule: { daily_time: ["09:00", "14:00", "18:00"] } });
});
test("a limit that is emptied is taken away, and the others are left alone", () => {
  const [picker, before] = opened(FULL);
  picker.state.max_runs = "";
  picker.state.exclude = "SUN";
  equal(picker.changes(before), { schedule: { max_runs: null, exclude: ["SUN"] } });
});
test("another kind takes the old one's place", () => {
  const [picker, before] = opened(FULL);
  picker.choose("every");
  equal(picker.changes(before), { schedule: { interval_minutes: 30 } });
});
test("another zone leaves the beginning and the end the moments that they are, unless they were changed", () => {
  const [picker, before] = opened(FULL);
  picker.moveTo("UTC");
  equal(picker.element.querySelector("[data-limit=from]").value, "2026-01-05T00:00");
  equal(picker.changes(before), { schedule: { timezone: "UTC" } });
  picker.state.end = "2030-01-01T00:00";
  equal(picker.changes(before), { schedule: { timezone: "UTC", end_at: "2030-01-01T00:00:00+00:00" } });
});
test("overlap and catching up are sent only when they were changed, also back to their defaults", () => {
  const [picker, before] = opened({ interval_minutes: 5 }, { overlap: "queue" });
  picker.state.overlap = "skip";
  equal(picker.changes(before), { overlap: "skip" });
});
test("a moment is moved with its zone, as one reads it", () => {
  const schedule = { start_at: "2035-07-01T09:00:00+02:00", timezone: "Europe/Berlin" };
  const picker = new SchedulePicker({ kinds: ["at"], state: SchedulePicker.stateOf({ schedule }), options: false });
  const before = picker.value();
  equal(picker.changes(before), {});
  picker.moveTo("UTC");
  equal(picker.changes(before), { schedule: { start_at: "2035-07-01T09:00:00+00:00", timezone: "UTC" } });
  equal(localIn("2035-07-01T09:00:00+02:00", "UTC"), "2035-07-01T07:00");
});
