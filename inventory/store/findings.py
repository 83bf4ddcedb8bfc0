"""Findings in the store: since when each member has its answer, the reason in words, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, select, text

from inventory.periods import ZONE, read_period
from inventory.shares import Share
from inventory.store import facts, period_counts
from inventory.store.judge import ALL_OF_AGENCY, ANSWERS, MISSING, Judgement
from inventory.store.spared import windows_of
from inventory.store.tables import FOREVER, finding
from inventory.vocabulary import COMPUTED, POPULATIONS, STOCK_AGE, Vocabulary, instant, moment
from inventory.words import Control, Counted, Fact, Finding, Maintenance, Status, Title, Value

_TOGETHER = 2_000
_MOST_EVIDENCE = 48
"""Numbers of periods beside an answer: a year of months of two counts, told by two sources."""

_WHY = {
    "counted": Title("đo được {part} trên {whole} ({periods})", "counted {part} of {whole} ({periods})"),
    "written": Title("khai báo {part} trên {whole} ({periods})", "declared {part} of {whole} ({periods})"),
    "silent": Title("chưa có số liệu {periods}", "nothing told of {periods}"),
    "no_count": Title("chưa có số liệu", "nothing told"),
    "missing": Title("khai báo nhiều hơn {weight} so với số tìm thấy", "{weight} more declared than found"),
    "never": Title("chưa quan sát được lần nào", "never observed"),
    "stated": Title("{sources} cho biết là không rõ", "{sources} states that it is unknown"),
    "stale": Title(
        "quá hạn từ {stale:%H:%M %d/%m/%Y} (nguồn gần nhất: {source})",
        "stale since {stale:%Y-%m-%d %H:%M} (last: {source})",
    ),
    "lines": Title("có đường truyền chưa từng trả lời", "some of its lines did not answer and never had"),
    "no_network": Title("sổ đăng ký không có mạng nào của cơ quan", "the agency has no network in the register"),
    "not_identified": Title(
        "có thiết bị trả lời nhưng chưa nhận dạng được", "devices that answer there are not identified"
    ),
    "unread": Title(
        "mạng chưa được đọc hết trong {within}: {networks}", "networks not read to the end within {within}: {networks}"
    ),
    "last": Title("{network} (lần cuối {day:%d/%m/%Y})", "{network} (last {day:%Y-%m-%d})"),
    "no_last": Title("{network} (chưa lần nào)", "{network} (never)"),
    "days": Title("{n} ngày", "{n} d"),
    "hours": Title("{n} giờ", "{n} h"),
    "until": Title("đến {day:%d/%m/%Y}", "until {day:%Y-%m-%d}"),
    "half": Title("chưa đo đủ một nửa thời gian", "less than half of the time is known"),
    "maintained": Title("bảo trì {what} đến {end:%H:%M %d/%m/%Y}", "maintenance of {what} until {end:%Y-%m-%d %H:%M}"),
    "no_until": Title("không thời hạn", "without end"),
    "yes": Title("có", "yes"),
    "no": Title("không", "no"),
    "day": Title("{time:%d/%m/%Y}", "{time:%Y-%m-%d}"),
    "ago": Title("{day}, đã {n} ngày", "{day}, {n} d ago"),
    "ahead": Title("{day}, còn {n} ngày", "{day}, in {n} d"),
}
"""Why an answer is unknown or no, in the words that people read; every time is Vietnam's."""


def compare(connection: Connection, judgement: Judgement, control: str) -> None:
    """Lay out what `record` is to change of one control, whose answers were laid out (`Judgement.lay_out_answers`)."""
    _lay_out_changes(connection, judgement)
    same = (
        "n.member = f.member AND n.status = f.status AND n.agency = f.agency AND n.level = f.level "
        "AND TRIM(n.gaps) = f.gaps AND n.weight = f.weight"
    )
    stands = f"f.control = :c AND f.until = {FOREVER}"
    connection.execute(
        text(
            "INSERT INTO judged_ended SELECT f.control, f.member, f.since FROM finding f "
            f"WHERE {stands} AND NOT EXISTS (SELECT 1 FROM {ANSWERS} n WHERE {same})"
        ),
        {"c": control},
    )
    connection.execute(
        text(
            "INSERT INTO judged_begun SELECT CAST(:c AS TEXT), n.member, n.agency, n.level, n.status, TRIM(n.gaps), "
            f"n.weight FROM {ANSWERS} n WHERE NOT EXISTS (SELECT 1 FROM finding f WHERE {stands} AND {same})"
        ),
        {"c": control},
    )


def _lay_out_changes(connection: Connection, judgement: Judgement) -> None:
    words = ", ".join(f"{name} {judgement.text}" for name in ("control", "member", "agency", "level", "status", "gaps"))
    connection.execute(text(f"CREATE TEMPORARY TABLE IF NOT EXISTS judged_begun ({words}, weight INTEGER)"))
    named = f"control {judgement.text}, member {judgement.text}, since BIGINT"
    connection.execute(text(f"CREATE TEMPORARY TABLE IF NOT EXISTS judged_ended ({named})"))


def forget_changes(connection: Connection) -> None:
    """Drop what was laid out."""
    for table in ("judged_begun", "judged_ended"):
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))


def newest(connection: Connection) -> int | None:
    """The instant of the last judgement in which something changed."""
    last: int | None = connection.scalar(select(func.max(finding.c.since)))
    return last


def record(connection: Connection, judgement: Judgement) -> int:
    """Store what was laid out as changed since the last judgement: an interval ends, another begins. How many began.

    A judgement of a time before the last one recorded changes nothing: history is not written backwards, it is judged
    again from the facts.
    """
    at = instant(judgement.at)
    last = newest(connection)
    if last is not None and last > at:
        return 0
    _lay_out_changes(connection, judgement)
    if connection.dialect.name == "postgresql":
        # Of the tables that were laid out it knows no sizes, and of an empty one it thinks that it stays so: looking
        # for each finding by going through all would take hours.
        connection.execute(text("SET LOCAL enable_nestloop TO off"))
    ended = "(control, member, since) IN (SELECT control, member, since FROM judged_ended)"
    if last == at:
        # What began at this same instant and is not so any more never was; what it ended stands again.
        connection.execute(text(f"DELETE FROM finding WHERE until = {FOREVER} AND since = :at AND {ended}"), {"at": at})
        connection.execute(
            text(
                f"UPDATE finding SET until = {FOREVER} WHERE until = :at AND EXISTS (SELECT 1 FROM judged_begun n "
                "WHERE n.control = finding.control AND n.member = finding.member AND n.status = finding.status "
                "AND n.agency = finding.agency AND n.level = finding.level AND n.gaps = finding.gaps "
                "AND n.weight = finding.weight)"
            ),
            {"at": at},
        )
    connection.execute(text(f"UPDATE finding SET until = :at WHERE until = {FOREVER} AND {ended}"), {"at": at})
    begun = connection.execute(
        text(
            "INSERT INTO finding (control, member, since, until, agency, level, status, gaps, weight) "
            f"SELECT n.control, n.member, :at, {FOREVER}, n.agency, n.level, n.status, n.gaps, n.weight "
            "FROM judged_begun n WHERE NOT EXISTS (SELECT 1 FROM finding f WHERE f.control = n.control "
            f"AND f.until = {FOREVER} AND f.member = n.member)"
        ),
        {"at": at},
    )
    return begun.rowcount


def read(
    connection: Connection,
    at: datetime,
    *,
    control: str | None = None,
    agency: str | None = None,
    status: Status | None = None,
    level: str | None = None,
    member: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[Finding], int]:
    """The findings that stood at `at`, a page of them and how many there are in all; without reason and evidence.

    `at` is to be the instant of a judgement that was recorded: then the list agrees with its figures.
    """
    f, time = finding.c, instant(at)
    conditions = [f.since <= time, f.until > time]
    for column, wanted in (
        (f.control, control),
        (f.agency, agency),
        (f.status, status),
        (f.level, level),
        (f.member, member),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    total = connection.scalar(select(func.count()).select_from(finding).where(and_(*conditions))) or 0
    query = select(finding).where(and_(*conditions)).order_by(f.control, f.agency, f.member).limit(limit).offset(offset)
    rows = [
        Finding(r.control, r.member, r.agency, r.level, Status(r.status), r.gaps, moment(r.since), r.weight)
        for r in connection.execute(query)
    ]
    return rows, total


def read_as_of(judgement: Judgement, control: str, wanted: Collection[Status] = tuple(Status)) -> list[Finding]:
    """The findings of one control as judged from the facts; `since` is the instant of the judgement itself."""
    return [
        Finding(control, v.member, v.agency, v.level, v.status, " ".join(v.gaps), judgement.at, v.weight)
        for v in judgement.verdicts(control, wanted)
    ]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Puts reasons in words and evidence beside findings, as of one instant."""

    vocabulary: Vocabulary
    judgement: Judgement
    """Of the same instant and control: it knows what the counts counted and which networks were read."""
    language: str = "en"
    """"vi" or "en"."""

    @property
    def at(self) -> datetime:
        """The instant."""
        return self.judgement.at

    def explain(self, connection: Connection, findings: Sequence[Finding], control: Control) -> list[Finding]:
        """The findings with reason, evidence and the member's name.

        Args:
            findings: findings of `control`, whose `reason` still holds the names of the unknown columns.
        """
        if control.is_shares:
            return self._explain_shares(connection, findings, control)
        columns = self.judgement.column_names(control.id)
        kind = POPULATIONS[control.population]
        members = [f.member for f in findings if not f.member.endswith(MISSING)]
        subjects: list[facts.Subject] = [int(m) for m in members] if kind == "asset" else list(members)
        keys = {c for c in columns if c in self.vocabulary.keys} | self._reasons(columns)
        keys |= {"sysname", "address"} if kind == "asset" else set()
        said = facts.read(connection, self.vocabulary, kind, subjects, self.at, keys)
        self._add_period_counts(connection, columns, members, said)
        counted = self._counted(connection, control, members) if control.population == "agencies" else {}
        unmet = [f.member for f in findings if f.status is Status.UNMET and f.member in set(members)]
        failing = self.judgement.failing(control.id, unmet)
        return [
            replace(
                self._explain_one(f, control, columns, said, failing.get(f.member)),
                counted=tuple(counted.get(f.member, ())),
            )
            for f in findings
        ]

    def tell_together(
        self, control: Control, wanted: Collection[Status], since: Mapping[tuple[str, Status], datetime]
    ) -> list[Finding]:
        """One finding for each agency and answer in the place of its members', with how many have what wrong.

        Args:
            since: by agency and status since when the first of them has been so.
        """
        found = []
        for own in self.judgement.by_agency(control.id, wanted):
            titles = ((self.vocabulary.title(c).in_language(self.language), n) for c, n in own.wrong.items())
            reason = "; ".join(f"{title}: {number}" for title, number in titles)
            began = since.get((own.agency, own.status), self.at)
            found.append(
                Finding(control.id, own.agency + ALL_OF_AGENCY, own.agency, own.level, own.status, reason, began,
                        own.number, f"{own.number} ×")
            )  # fmt: skip
        missing = [
            Finding(control.id, v.member, v.agency, v.level, v.status, " ".join(v.gaps), self.at, v.weight)
            for v in self.judgement.missing(control.id)
            if v.status in wanted
        ]
        return found + [self._explain_one(f, control, (), {}, None) for f in missing]

    def explain_each(
        self, connection: Connection, findings: Sequence[Finding], control: Control, *, met: bool = True
    ) -> Iterator[Finding]:
        """The findings as `explain` tells them, some thousands at a time, so that long lists need no more memory.

        Args:
            met: otherwise those that meet the control are passed on as they are, without name and evidence.
        """
        for start in range(0, len(findings), _TOGETHER):
            chunk = findings[start : start + _TOGETHER]
            told = [f for f in chunk if met or f.status is not Status.MET]
            explained = iter(self.explain(connection, told, control))
            for one in chunk:
                yield next(explained) if met or one.status is not Status.MET else one

    def _add_period_counts(
        self,
        connection: Connection,
        columns: Sequence[str],
        members: Sequence[str],
        said: dict[facts.Subject, list[Fact]],
    ) -> None:
        """Put what agencies counted in periods beside the facts of the agencies as which they count."""
        named = [c for c in columns if c in self.vocabulary.period_counts]
        if not named:
            return
        homes = {code: place.home for code, place in self.judgement.places.items() if place.home in set(members)}
        since = (self.at - STOCK_AGE).astimezone(ZONE).date()
        for code, fact in period_counts.facts_of(connection, homes, named, since, self.at):
            said.setdefault(homes[code], []).append(fact)

    def _explain_shares(self, connection: Connection, findings: Sequence[Finding], control: Control) -> list[Finding]:
        """What was counted, by whom and in which periods; for each answer of a member the same."""
        if control.goal is not None:
            told = period_counts.goal_reported(connection, *control.goal, self.at)
            return [self._explain_goal(f, control, told) for f in findings]
        shares = self.judgement.shares(control.id)
        homes = {code: p.home for code, p in self.judgement.places.items() if p.home in {f.agency for f in findings}}
        named = [n for n in (control.numerator, control.denominator) if n and n in self.vocabulary.period_counts]
        flow = any(self.vocabulary.period_counts[n].flow for n in named)
        since = self.judgement.year[0].first if flow else (self.at - STOCK_AGE).astimezone(ZONE).date()
        evidence: dict[str, list[Fact]] = {}
        for code, fact in period_counts.facts_of(connection, homes, named, since, self.at) if named else ():
            evidence.setdefault(homes[code], []).append(fact)
        explained = []
        for found in findings:
            own, share = found.agency or "", shares.get(found.agency or "")
            if found.status in (Status.WAIVED, Status.NOT_APPLICABLE) or share is None:
                explained.append(self._explain_waived(found, control, {}))
                continue
            facts_told = tuple(evidence.get(own, ())[:_MOST_EVIDENCE])
            reason = self._tell_share(share, found.status)
            explained.append(replace(found, reason=reason, evidence=facts_told, title=f"{found.weight} ×"))
        return explained

    def _tell_share(self, share: Share, status: Status) -> str:
        measured = [row for row in share.used if row.measured]
        declared = [row for row in share.used if not row.measured]
        told = []
        for name, rows in (("counted", measured), ("written", declared)):
            if rows:
                part, whole = sum(row.part for row in rows), sum(row.whole for row in rows)
                periods = self._months(sorted({month for row in rows for month in row.period.months}))
                told.append(self._say(name, part=part, whole=whole, periods=periods))
        if status is Status.UNKNOWN:
            silent = sorted({month for _, month in share.silent if month})
            told.insert(0, self._say("silent", periods=self._months(silent)) if silent else self._say("no_count"))
        return "; ".join(told)

    def _months(self, months: Sequence[str]) -> str:
        """Months as spans: "01–03, 05/2026"."""
        spans: list[list[str]] = []
        for month in months:
            if spans and spans[-1][-1][:5] == month[:5] and int(spans[-1][-1][5:]) + 1 == int(month[5:]):
                spans[-1].append(month)
            else:
                spans.append([month])
        return ", ".join((f"{s[0][5:]}–" if len(s) > 1 else "") + f"{s[-1][5:]}/{s[-1][:4]}" for s in spans)

    def _explain_goal(self, found: Finding, control: Control, told: Sequence[period_counts.GoalReported]) -> Finding:
        name = found.member.partition(" (")[0][1:]
        part = int(name) if control.parts else 0
        row = next((r for r in told if r.part == part and (control.parts or name in (r.level, ""))), None)
        title = f"{part}." if part else f"{found.weight} ×"
        if row is None:
            return replace(found, reason=self._say("no_count"), title=title)
        how = "written" if row.origin.source == period_counts.DECLARED else "counted"
        reason = self._say(how, part=row.value, whole=row.total, periods=read_period(row.period).told(self.language))
        return replace(found, reason=f"{reason} ({row.origin.told})", title=title)

    def _counted(self, connection: Connection, control: Control, agencies: Sequence[str]) -> dict[str, list[Counted]]:
        """What stands behind each agency's counts: the assets and links, with the facts that decided."""
        rows = list(self.judgement.counted(control.id, agencies)) if agencies else []
        found: dict[str, list[Counted]] = {}
        for count in dict.fromkeys(name for _, name, _, _ in rows):
            kind = POPULATIONS[self.vocabulary.counts[count].of]
            own = [(agency, member, sure) for agency, name, member, sure in rows if name == count]
            subjects: list[facts.Subject] = [int(m) if kind == "asset" else m for _, m, _ in own]
            deciding = set(self.judgement.count_columns(count)) & self.vocabulary.keys.keys()
            named = {"sysname", "address"} if kind == "asset" else set()
            said = facts.read(connection, self.vocabulary, kind, subjects, self.at, deciding | named)
            for (agency, member, sure), subject in zip(own, subjects, strict=True):
                evidence = tuple(f for f in said[subject] if f.key in deciding)
                title = self._name(said[subject]) or member
                found.setdefault(agency, []).append(Counted(count, kind, member, title, sure, evidence))
        return found

    def _name(self, said: Sequence[Fact]) -> str:
        taken = facts.take(self.vocabulary, said, self.at)
        return " · ".join(str(taken[k].value) for k in ("sysname", "address") if k in taken)

    def _explain_one(
        self,
        found: Finding,
        control: Control,
        columns: Sequence[str],
        said: Mapping[facts.Subject, list[Fact]],
        failing: Mapping[str, float | None] | None,
    ) -> Finding:
        if found.status in (Status.WAIVED, Status.NOT_APPLICABLE):
            return self._explain_waived(found, control, said)
        if found.member.endswith(MISSING):
            key = self.vocabulary.title(control.declared_as or "").in_language(self.language)
            reason = f"{key}: {self._say('missing', weight=found.weight)}"
            return replace(found, reason=reason, title=f"{found.weight} ×")
        subject: facts.Subject = int(found.member) if control.population == "assets" else found.member
        own = said.get(subject, [])
        evidence = tuple(f for f in own if f.key in columns or f.key in self._reasons(columns))
        if failing is None:
            reason = "; ".join(self._gap(column, found, evidence) for column in found.reason.split())
        else:
            taken = facts.take(self.vocabulary, own, self.at)
            reason = "; ".join(self._fault(c, n, taken) for c, n in failing.items())
        return replace(found, reason=reason, evidence=evidence, title=self._name(own))

    def _explain_waived(self, found: Finding, control: Control, said: Mapping[facts.Subject, list[Fact]]) -> Finding:
        subject: facts.Subject = found.member
        if control.population == "assets" and found.member.isdecimal():
            subject = int(found.member)
        title = f"{found.weight} ×" if found.member.endswith(MISSING) else self._name(said.get(subject, []))
        one = self.judgement.waiver_of(control.id, found.member, found.agency or "")
        if one is None:
            windows = windows_of(self.judgement, control.id, found.member, found.agency or "")
            return replace(found, reason="; ".join(map(self._tell_window, windows)), title=title)
        until = self._say("until", day=one.valid_to) if one.valid_to else self._say("no_until")
        document = f", {one.document}" if one.document else ""
        return replace(found, reason=f"{one.reason} ({one.granted_by}{document}; {until})", title=title)

    def _tell_window(self, one: Maintenance) -> str:
        until = self._say("maintained", what=one.subject, end=one.last.astimezone(ZONE))
        document = f", {one.document}" if one.document else ""
        return f"{until}: {one.reason} ({one.granted_by}{document})"

    def _say(self, why: str, **parts: object) -> str:
        return _WHY[why].in_language(self.language).format(**parts)

    def _gap(self, column: str, found: Finding, evidence: Sequence[Fact]) -> str:
        """Why one column is unknown."""
        title = self.vocabulary.title(column).in_language(self.language)
        if column in self.vocabulary.period_counts:
            return f"{title}: {self._say('no_count')}"
        if column in self.vocabulary.counts:
            return f"{title}: {self._why_unread(column, found.agency)}"
        if column in COMPUTED:
            return f"{title}: {self._say('half')}"
        own = [f for f in evidence if f.key == column]
        if not own:
            return f"{title}: {self._say('never')}"
        known = [f for f in own if f.value is not None]
        if not known:
            return f"{title}: {self._say('stated', sources=', '.join(f.source for f in own))}"
        newest = max(known, key=lambda f: f.observed_at)
        stale = newest.observed_at + self.vocabulary.keys[column].max_age
        return f"{title}: {self._say('stale', stale=stale.astimezone(ZONE), source=newest.source)}"

    def _reasons(self, columns: Iterable[str]) -> set[str]:
        """The keys that say why a column is false."""
        known = (self.vocabulary.keys[c].because for c in columns if c in self.vocabulary.keys)
        return {key for key in known if key}

    def _fault(self, column: str, counted: float | None, taken: Mapping[str, Fact]) -> str:
        """What one column of a condition says that does not hold, and why where a source says that."""
        title = self.vocabulary.title(column).in_language(self.language)
        value = taken[column].value if column in taken else None
        if counted is not None:
            value = counted if column in COMPUTED else int(counted)
        said = f"{title}: {self._value(column, value)}"
        why = [taken[key] for key in self._reasons([column]) if key in taken and value is False]
        return said + "".join(f" ({self._value(fact.key, fact.value)})" for fact in why)

    def _value(self, column: str, value: Value) -> str:
        match value:
            case None:
                return "–"
            case bool():
                return self._say("yes" if value else "no")
            case datetime():
                days = (self.at - value).days
                day = self._say("day", time=value.astimezone(ZONE))
                return self._say("ago", day=day, n=days) if days >= 0 else self._say("ahead", day=day, n=-days)
            case int() | float():
                key = self.vocabulary.keys.get(column)
                share = column in COMPUTED or (key is not None and key.unit == "share")
                number = f"{value * 100 if share else value:.6g}" + ("\u00a0%" if share else "")
                return number.replace(".", ",") if self.language == "vi" else number
        return self.vocabulary.say(column, str(value), self.language)

    def _why_unread(self, column: str, agency: str | None) -> str:
        count = self.vocabulary.counts[column]
        within = count.looked
        if within is None:
            return self._say("lines")
        whose = self.judgement.centre if count.centre else [agency or ""]
        unread = [network for code in whose for network in self.judgement.unread_networks(code, within)]
        if unread == [""] or not whose:
            return self._say("no_network")
        if not unread:
            return self._say("not_identified")
        return self._say("unread", within=self._age(within), networks=", ".join(self._last_read(n) for n in unread))

    def _last_read(self, network: str) -> str:
        if network not in self.judgement.read_to_the_end:
            return self._say("no_last", network=network)
        return self._say("last", network=network, day=self.judgement.read_to_the_end[network].astimezone(ZONE))

    def _age(self, age: timedelta) -> str:
        return self._say("days", n=age.days) if age.days else self._say("hours", n=age.seconds // 3600)
