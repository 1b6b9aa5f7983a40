"""A schedule in words, as a person would say it: “Weekdays at 09:05, Berlin”."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from tasks.schedules.cron import Cron, parse_cron
from tasks.schedules.schedule import Schedule
from tasks.schedules.when import WEEKDAYS

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_NTH = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth"}
# More clock times or days than this are told as a pattern or cut short: a summary is one line.
_MOST_TIMES = 4
_MOST_DAYS = 6


def describe(schedule: Schedule, *, zone: bool = False) -> str:
    """The schedule in one line of words; with `zone` its city is named where it matters (“…, Berlin”)."""
    if schedule.interval_minutes is not None:
        text = f"Every {_span(schedule.interval_minutes)}"
    elif schedule.daily_times:
        text = f"Every day at {_and([t.strftime('%H:%M') for t in schedule.daily_times])}"
    elif schedule.crons:
        parts = [_cron(parse_cron(expression)) for expression in schedule.crons]
        text = "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])
    elif schedule.on_event:
        text = "On each event"
    elif schedule.start_at is not None:
        text = f"Once, on {moment_words(schedule.start_at.astimezone(ZoneInfo(schedule.timezone)))}"
    else:
        text = "Once, at once"
    local = schedule.daily_times or schedule.crons or (not schedule.recurring and schedule.start_at is not None)
    if zone and (local or schedule.exclude or schedule.end_at is not None):
        text += f", {city(schedule.timezone)}"
    if schedule.exclude:
        text += f", except {_and([_exclusion(entry) for entry in schedule.exclude], most=_MOST_DAYS)}"
    if schedule.end_at is not None and schedule.recurring:
        text += f", until {moment_words(schedule.end_at.astimezone(ZoneInfo(schedule.timezone)))}"
    if schedule.max_runs is not None and schedule.recurring:
        text += f", {schedule.max_runs:,} times" if schedule.max_runs > 1 else ", one time"
    return text


def city(timezone: str) -> str:
    """The part of a zone's name that people know it by: “New York” for America/New_York."""
    return timezone.rsplit("/", 1)[-1].replace("_", " ")


def moment_words(local: datetime) -> str:
    """A local time, as “Thu 26 Nov 2026 at 09:00”."""
    return f"{day_words(local.date())} at {local:%H:%M}"


def day_words(day: date) -> str:
    """A day, as “Thu 26 Nov 2026” (never by strftime, whose names follow the machine's language)."""
    return f"{_DAYS[day.weekday()][:3]} {day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def long_day_words(day: date) -> str:
    """A day in full, as “Sunday 14 March 2027”."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def span_words(seconds: float) -> str:
    """A length of time in hours and minutes, as “1 h” or “30 min”."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def _span(minutes: int) -> str:
    if minutes == 1:
        return "minute"
    if minutes == 60:
        return "hour"
    days, rest = divmod(minutes, 1440)
    # A day of elapsed time is not a day of the calendar: “every 24 hours” keeps the two apart.
    if not rest and days > 1:
        return f"{days} days"
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} min"


def _exclusion(entry: str) -> str:
    return _DAYS[WEEKDAYS.index(entry)] + "s" if entry in WEEKDAYS else day_words(date.fromisoformat(entry))


def _cron(cron: Cron) -> str:
    days = _days(cron)
    count = len(cron.minutes) * len(cron.hours)
    if count == 1 or (count <= _MOST_TIMES and not cron.steady):
        times = [f"{hour:02}:{minute:02}" for hour in cron.hours for minute in cron.minutes]
        return f"{days or 'Every day'} at {_and(times)}"
    pace = _pace(cron)
    return pace if not days else f"{pace}, {days[0].lower() + days[1:].rstrip(',')}"


def _pace(cron: Cron) -> str:
    """More times a day than one lists: how often in the hour, and in which hours."""
    minutes, hours = cron.minutes, cron.hours
    step = _step(minutes, 60)
    span = "" if len(hours) == 24 else _hours(cron)
    if step == 1:
        return f"Every minute{span}"
    if step is not None and minutes[0] == 0:
        return f"Every {step} min{span}"
    if len(minutes) == 1:
        return _hourly(minutes[0], hours)
    listed = _and([str(minute) for minute in minutes], most=_MOST_DAYS)
    return f"At minutes {listed}{span or ' of each hour'}"


def _hourly(minute: int, hours: tuple[int, ...]) -> str:
    """One minute of several hours."""
    at = f" at minute {minute}" if minute else ""
    pace = _step(hours, 24)
    if len(hours) == 24:
        return f"Every hour{at}"
    if pace is not None and hours[0] == 0:
        return f"Every {pace} hours{at}"
    if hours == tuple(range(hours[0], hours[-1] + 1)):
        return f"Every hour from {hours[0]:02}:{minute:02} to {hours[-1]:02}:{minute:02}"
    return f"At {_and([f'{hour:02}:{minute:02}' for hour in hours], most=_MOST_DAYS * 2)}"


def _hours(cron: Cron) -> str:
    first, last = cron.hours[0], cron.hours[-1]
    step = _step(cron.hours, 24)
    if len(cron.hours) == 1 or cron.hours == tuple(range(first, last + 1)):
        return f" from {first:02}:{cron.minutes[0]:02} to {last:02}:{cron.minutes[-1]:02}"
    if step is not None and first == 0:
        return f" of every {_ordinal(step)} hour"
    return f" of the hours {_and([str(hour) for hour in cron.hours], most=_MOST_DAYS * 2)}"


def _step(values: tuple[int, ...], whole: int) -> int | None:
    """The distance, where the values are evenly spread over the whole hour or day, its end included."""
    if len(values) < 2:
        return None
    step = values[1] - values[0]
    even = whole % step == 0 and values == tuple(range(values[0], whole, step))
    return step if even and values[0] < step else None


def _days(cron: Cron) -> str:
    """The day part: empty for every day."""
    _, _, dom, _, dow = cron.fields
    any_day, any_weekday = days_open(dom), weekdays_open(dow)
    months = _months(cron)
    if any_day and any_weekday:
        return f"Every day in {months}" if months else ""
    if any_day:
        return _weekdays(dow) + (f" in {months}" if months and not _of_month(dow) else "") + _of(dow, months)
    if any_weekday:
        return _dates(dom, months)
    if cron.days_and:
        return f"{_dates(dom, months)}, if {_weekday_list(dow, 'or', article='a ')},"
    first = _weekdays(dow)
    return f"{_dates(dom, months)} and {first[0].lower() + first[1:]}" + (f" in {months}" if months else "")


def days_open(dom: str) -> bool:
    """Whether the day of month field lets every day through."""
    return dom in ("*", "*/1", "1-31")


def weekdays_open(dow: str) -> bool:
    """Whether the weekday field lets every day through."""
    return _plain_weekdays(dow) == frozenset(range(7))


def _dates(dom: str, months: str) -> str:
    listed = parse_cron(f"0 0 {dom} * *").days_in(2026, 1) if "L" not in dom else ()
    step = dom.removeprefix("*/") if dom.startswith("*/") else ""
    of = f"of {months}" if months else "of each month"
    if len(listed) == 1 and months and "," not in months and " and " not in months:
        return f"On {listed[0]} {months}"
    if step and step.isdigit() and len(listed) > _MOST_DAYS:
        return f"On every {_ordinal(int(step))} day from the 1st {of}"
    if listed:
        if len(listed) > _MOST_DAYS and listed == tuple(range(listed[0], listed[-1] + 1)):
            return f"From the {_ordinal(listed[0])} to the {_ordinal(listed[-1])} {of}"
        return f"On the {_and([_ordinal(day) for day in listed], most=_MOST_DAYS * 2)} {of}"
    names = {"L": "last day", "LW": "last working day"}
    terms = dom.split(",")
    plain = [term for term in terms if term not in names]
    days = parse_cron(f"0 0 {','.join(plain)} * *").days_in(2026, 1) if plain else ()
    return f"On the {_and([*(_ordinal(day) for day in days), *(names[t] for t in terms if t in names)])} {of}"


def _plain_weekdays(dow: str) -> frozenset[int]:
    """The weekdays (Monday is 0) that the field names for every week."""
    plain = ",".join(term for term in dow.split(",") if not _nth_of_month(term))
    if not plain:
        return frozenset()
    # Seen in a month of 28 days that starts on a Monday: its first week shows each weekday once.
    return frozenset(day - 1 for day in parse_cron(f"0 0 * * {plain}").days_in(2027, 2) if day <= 7)


def _nth_of_month(term: str) -> bool:
    return "#" in term or term.endswith("L")


def _of_month(dow: str) -> bool:
    return any(_nth_of_month(term) for term in dow.split(","))


def _of(dow: str, months: str) -> str:
    if not _of_month(dow):
        return ""
    return f" of {months}" if months else " of each month"


def _weekdays(dow: str) -> str:
    plain = _plain_weekdays(dow)
    if not _of_month(dow):
        if plain == frozenset(range(5)):
            return "Weekdays"
        if plain == frozenset({5, 6}):
            return "Weekends"
        return f"Every {_weekday_list(dow, 'and')}"
    return f"On {_weekday_list(dow, 'and')}"


def _weekday_list(dow: str, joint: str, *, article: str = "") -> str:
    parts = [article + _DAYS[day] for day in sorted(_plain_weekdays(dow))]
    for term in dow.split(","):
        if term.endswith("L"):
            parts.append(f"the last {_DAYS[(int(term[0]) - 1) % 7]}")
        elif "#" in term:
            name, nth = term.split("#")
            day = min(_plain_weekdays(name))
            parts.append(f"the {_NTH[nth]} {_DAYS[day]}")
    return _and(parts, joint=joint)


def days_note(cron: Cron) -> str | None:
    """How day of month and weekday go together, where both are named: *and* or *or* (see `Cron.days_and`)."""
    _, _, dom, _, dow = cron.fields
    if days_open(dom) or weekdays_open(dow):
        return None
    dates = _dates(dom, _months(cron))
    dates = dates[0].lower() + dates[1:]
    if cron.days_and:
        return f"Both must match: it runs {dates} and only if that is {_weekday_list(dow, 'or', article='a ')}."
    also = _weekdays(dow) + (f" in {_months(cron)}" if _months(cron) else "")
    return f"Either suffices: it runs {dates}, and also {also[0].lower() + also[1:]}."


def _months(cron: Cron) -> str:
    return "" if len(cron.months) == 12 else _and([_MONTHS[m - 1] for m in sorted(cron.months)])


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _and(parts: list[str], *, joint: str = "and", most: int | None = None) -> str:
    if most is not None and len(parts) > most:
        return f"{', '.join(parts[:most])} …"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {joint} {parts[-1]}"
