import { countdown, span, wallToIso } from "/static/site/times.js";
import { equal, run, test } from "./check.js";

export { run };

test("spans are said in their two largest units", () => {
  equal([40, 6200, 59400, 59600, 61000, 600000, 51720000, 90000000, 8 * 86400000].map(span), ["0.0 s", "6.2 s", "59 s", "1 min", "1 min 1 s", "10 min", "14 h 22 min", "1 d 1 h", "8 d"]);
});
test("a countdown counts whole seconds and ends as due", () => {
  const now = new Date("2026-11-25T00:00:00Z");
  equal([countdown(new Date(now.getTime() + 4300), now), countdown(now, now)], ["in 5 s", "due now"]);
});
test("a wall clock time gets its zone's offset", () => {
  equal(wallToIso("2026-07-01T09:00", "Europe/Berlin"), "2026-07-01T09:00:00+02:00");
  equal(wallToIso("2026-12-01T09:00", "America/New_York"), "2026-12-01T09:00:00-05:00");
  equal(wallToIso("2026-12-01T09:00", "Asia/Kolkata"), "2026-12-01T09:00:00+05:30");
});
test("a skipped time is the moment after the gap, a repeated one its first pass", () => {
  equal(new Date(wallToIso("2027-03-14T02:30", "America/New_York")).toISOString(), "2027-03-14T07:30:00.000Z");
  equal(wallToIso("2027-11-07T01:30", "America/New_York"), "2027-11-07T01:30:00-04:00");
});
test("no time is no time", () => equal(wallToIso("", "UTC"), null));
