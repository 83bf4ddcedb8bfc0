"""Judging in SQL: each control over the members that are laid out, with who is waived and what is under maintenance."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, text

from inventory.periods import ZONE
from inventory.shares import Share
from inventory.store import registers
from inventory.store.judged_shares import Verdict, count_shares, goal_verdicts, share_verdicts
from inventory.store.laid_out import MEMBER, LaidOut, Question, write
from inventory.vocabulary import COMPUTED
from inventory.words import AgencyTally, Status, Waiver

__all__ = ["ALL_OF_AGENCY", "ANSWERS", "MISSING", "Judgement", "Summed", "Verdict"]

MISSING = " (missing)"
ALL_OF_AGENCY = " (all)"
"""What is put behind an agency whose members are told together."""
ANSWERS = "judged_now"
"""The table of one control's answers: member, agency, level, status, gaps, weight."""


@dataclass(slots=True)
class Summed:
    """The members of one agency that have one answer, together."""

    agency: str
    level: str
    status: Status
    number: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    """By column: of how many it is unknown, or part of a condition that does not hold."""


class Judgement(LaidOut):
    """All controls judged as of one instant; it lives as long as the transaction of its connection."""

    _indexed = False

    @functools.cached_property
    def _shares(self) -> dict[str, dict[str, Share]]:
        return {}

    def close(self) -> None:
        """Drop the tables of members and answers; a transaction that is rolled back does so by itself."""
        super().close()
        self.run(f"DROP TABLE IF EXISTS {ANSWERS}")

    # --- answering --------------------------------------------------------------------------------------------------

    def answers_sql(self, control: str, flags: Sequence[str] = ()) -> str:
        """The SELECT of a control: member, agency, level, status and, where unknown, the columns that were.

        Args:
            flags: conditions that become further columns, flag_0 and so on: 1 where they hold, else 0.
        """
        q = self.questions[control]
        told_apart = "".join(
            f", CASE WHEN {flag} THEN 1 ELSE 0 END AS flag_{number}" for number, flag in enumerate(flags)
        )
        passed_on = "".join(f", v.flag_{number}" for number in range(len(flags)))
        if q.meets is None:
            raise ValueError(f"{control}: its answers are shares")
        meets = write(q.meets, self.dialect, self.at)
        columns = q.meets.columns if q.control.population == "assets" else q.columns
        gaps = " || ".join(f"CASE WHEN {self._is_unknown(c)} THEN '{c} ' ELSE '' END" for c in columns)
        where = f" WHERE {write(q.where, self.dialect, self.at)}" if q.where else ""
        if q.where and q.control.population != "assets":
            # Of an agency or link that the register has, it may be unknown whether it is asked; it is no less there.
            asked = write(q.where, self.dialect, self.at)
            where = f" WHERE ({asked}) OR ({asked}) IS NULL"
            meets = f"CASE WHEN ({asked}) THEN ({meets}) END"
        told = [f"{c}__declared = 1" for c in q.meets.columns if c in self.vocabulary.period_counts]
        told += sorted(self.declared_keys(q.meets.columns))
        met = f"CASE WHEN {' OR '.join(told)} THEN 'declared' ELSE 'met' END" if told else "'met'"
        unmet = self._unmet(q, meets)
        status = f"CASE WHEN ({meets}) THEN {met} WHEN NOT ({meets}) THEN {unmet} ELSE 'unknown' END"
        answers = (
            f"SELECT CAST(member AS TEXT) AS member, agency, level, {status} AS status, "
            f"CASE WHEN ({meets}) IS NULL THEN {gaps} ELSE '' END AS gaps{told_apart} "
            f"FROM {self.askable(q.control.population, q.columns)}{where}"
        )
        if control not in self.waivers:
            return answers
        waived = (
            f"(SELECT MIN(w.status) FROM judged_waiver w WHERE w.control = '{control}' "
            "AND (w.member = q.member OR (w.member = '' AND w.agency = q.agency)))"
        )
        return (
            "SELECT v.member, v.agency, v.level, CASE WHEN v.waived IS NULL THEN v.status ELSE v.waived END AS status, "
            f"CASE WHEN v.waived IS NULL THEN v.gaps ELSE '' END AS gaps{passed_on} "
            f"FROM (SELECT q.*, {waived} AS waived FROM ({answers}) q) v"
        )

    def _unmet(self, q: Question, meets: str) -> str:
        """What a member's unmet answer is: not applicable where it is under maintenance, or would not be unmet if what
        is under maintenance beneath it did not fail. Nothing that is met or unknown is touched."""
        if not self.maintenance:
            return "'unmet'"
        spared = self.is_spared(q.control.population)
        counts = [c for c in q.columns if c in self.counts]
        if q.control.population == "agencies" and counts:
            otherwise = meets
            for count in counts:
                otherwise = re.sub(rf"\b{count}__high\b", f"{count}__spared", otherwise)
            spared = f"{spared} OR NOT COALESCE(NOT ({otherwise}), FALSE)"
        return f"CASE WHEN {spared} THEN 'not_applicable' ELSE 'unmet' END"

    def _is_unknown(self, column: str) -> str:
        if column not in self.counts:
            return f"{column} IS NULL"
        return f"({column}__high IS NULL OR {column}__high > {column}__low)"

    def missing(self, control: str) -> list[Verdict]:
        """The verdicts for what is declared beyond what was found: it exists, and nothing is known of it."""
        if self.questions[control].control.declared_as is None or self.questions[control].meets is None:
            return []
        return self._missing(control, self._tally(f"({self.answers_sql(control)})"))

    def _missing(self, control: str, tallied: Iterable[tuple[str, str, str, int]]) -> list[Verdict]:
        declared_as = self.questions[control].control.declared_as
        if declared_as is None:
            return []
        found: dict[str, int] = {}
        for agency, _, _, members in tallied:
            found[agency] = found.get(agency, 0) + members
        day = self.at.astimezone(ZONE).date()
        declared = registers.declared(self.register, declared_as, day, self.places)
        return [
            Verdict(
                agency + MISSING, agency, self.places[agency].level, self._status_of_missing(control, agency),
                (declared_as,),
                number - found.get(agency, 0),
            )
            for agency, number in sorted(declared.items())
            if number > found.get(agency, 0)
        ]  # fmt: skip

    def _status_of_missing(self, control: str, agency: str) -> Status:
        own = [str(v.status) for v in self.waivers.get(control, ()) if v.agency == agency]
        return Status(min(own)) if own else Status.UNKNOWN

    def waiver_of(self, control: str, member: str, agency: str) -> Waiver | None:
        """The waiver behind an answer, the newest of several."""
        own = [v for v in self.waivers.get(control, ()) if v.member == member or (not v.member and v.agency == agency)]
        return own[-1] if own else None

    def _tally(self, answers: str) -> list[tuple[str, str, str, int]]:
        query = f"SELECT agency, level, status, COUNT(*) FROM {answers} a GROUP BY agency, level, status"
        return [(row[0], row[1], row[2], row[3]) for row in self.connection.execute(text(query))]

    def lay_out_answers(self, control: str) -> tuple[AgencyTally, ...]:
        """Make the table ANSWERS of one control; how many members have which answer, by agency."""
        self.run(f"DROP TABLE IF EXISTS {ANSWERS}")
        if self.questions[control].meets is None:
            words = ", ".join(f"{name} {self.text}" for name in ("member", "agency", "level", "status", "gaps"))
            self.run(f"CREATE TEMPORARY TABLE {ANSWERS} ({words}, weight BIGINT)")
            rows, missing = {}, self._share_verdicts(control)
        else:
            sql = self.answers_sql(control)
            self.run(f"CREATE TEMPORARY TABLE {ANSWERS} AS SELECT a.*, 1 AS weight FROM ({sql}) a")
            rows = {(a, level, Status(status)): members for a, level, status, members in self._tally(ANSWERS)}
            missing = self._missing(control, [(*name, members) for name, members in rows.items()])
        for v in missing:
            rows[v.agency, v.level, v.status] = rows.get((v.agency, v.level, v.status), 0) + v.weight
        if missing:
            self.run(
                f"INSERT INTO {ANSWERS} (member, agency, level, status, gaps, weight) VALUES (:m, :a, :l, :s, :g, :w)",
                [
                    {"m": v.member, "a": v.agency, "l": v.level, "s": v.status, "g": " ".join(v.gaps), "w": v.weight}
                    for v in missing
                ],
            )
        if self.dialect == "sqlite":
            self.run(f"CREATE UNIQUE INDEX {ANSWERS}_member ON {ANSWERS} (member)")
        return tuple(AgencyTally(control, *name, members) for name, members in sorted(rows.items()))

    def tallies(self) -> tuple[AgencyTally, ...]:
        """For every control, agency and status: how many members."""
        found: list[AgencyTally] = []
        for control in sorted(self.questions):
            rows: dict[tuple[str, str, Status], int] = {}
            if self.questions[control].meets is None:
                added = self._share_verdicts(control)
            else:
                rows = {(a, level, Status(s)): n for a, level, s, n in self._tally(f"({self.answers_sql(control)})")}
                added = self._missing(control, [(*name, members) for name, members in rows.items()])
            for v in added:
                rows[v.agency, v.level, v.status] = rows.get((v.agency, v.level, v.status), 0) + v.weight
            found += [AgencyTally(control, *name, members) for name, members in sorted(rows.items())]
        return tuple(found)

    def verdicts(self, control: str, wanted: Collection[Status] = tuple(Status)) -> Iterator[Verdict]:
        """The members' answers for one control, those of them that are wanted."""
        if self.questions[control].meets is None:
            yield from (v for v in self._share_verdicts(control) if v.status in wanted)
            return
        among = "" if len(wanted) == len(Status) else " WHERE status IN :wanted"
        query = text(f"SELECT * FROM ({self.answers_sql(control)}) a{among}")
        if among:
            query = query.bindparams(bindparam("wanted", [str(status) for status in wanted], expanding=True))
        for member, agency, level, status, gaps in self.connection.execute(query):
            yield Verdict(member, agency, level, Status(status), tuple(gaps.split()))
        yield from (v for v in self.missing(control) if v.status in wanted)

    # --- shares -----------------------------------------------------------------------------------------------------

    def shares(self, control: str) -> dict[str, Share]:
        """What each agency counted for a ratio control, by the code as which it counts."""
        if control not in self._shares:
            self._shares[control] = count_shares(self, self.questions[control])
        return self._shares[control]

    def _share_verdicts(self, control: str) -> list[Verdict]:
        goal = self.questions[control].control.goal
        if goal is not None:
            return goal_verdicts(self, self.questions[control].control, *goal)
        return share_verdicts(self, control, self.shares(control))

    # --- evidence ---------------------------------------------------------------------------------------------------

    def by_agency(self, control: str, wanted: Collection[Status]) -> list[Summed]:
        """How many members of each agency have these answers, and of how many each column is what is wrong.

        For lists too long to name every member; not for controls whose members are what was counted.
        """
        q = self.questions[control]
        parts = q.meets.parts if q.meets else ()
        flags = [f"NOT ({write(part, self.dialect, self.at)})" for part in parts]
        sums = "".join(f", SUM(flag_{number})" for number in range(len(flags)))
        query = (
            f"SELECT agency, level, status, gaps, COUNT(*){sums} FROM ({self.answers_sql(control, flags)}) a "
            "WHERE status IN :wanted GROUP BY agency, level, status, gaps ORDER BY agency, status"
        )
        asked = text(query).bindparams(bindparam("wanted", [str(v) for v in wanted], expanding=True))
        found: dict[tuple[str, str, Status], Summed] = {}
        for agency, level, status, gaps, number, *failed in self.connection.execute(asked):
            own = found.setdefault((agency, level, Status(status)), Summed(agency, level, Status(status)))
            own.number += number
            if status == Status.UNMET:
                wrong = [(part.columns, times) for part, times in zip(parts, failed, strict=True)]
            else:
                wrong = [((column,), number) for column in gaps.split()]
            for columns, times in wrong:
                for column in columns if times else ():
                    own.wrong[column] = own.wrong.get(column, 0) + times
        return list(found.values())

    def counted(self, control: str, agencies: Collection[str]) -> Iterator[tuple[str, str, str, bool]]:
        """What the counts that a control names counted in these agencies: agency, count, member, whether for sure."""
        for name in self.questions[control].columns:
            if name not in self.counts:
                continue
            table, where = self.countable(name), write(self.counts[name], self.dialect, self.at)
            query = text(
                f"SELECT agency, CAST(member AS TEXT), CASE WHEN ({where}) THEN 1 ELSE 0 END FROM {table} "
                f"WHERE agency IN :agencies AND (({where}) OR ({where}) IS NULL) ORDER BY 1, 3 DESC, 2"
            )
            centre = self.vocabulary.counts[name].centre
            asked = self.centre if centre else list(agencies)
            bound = query.bindparams(bindparam("agencies", value=asked, expanding=True))
            for agency, member, sure in self.connection.execute(bound) if asked else ():
                for whose in agencies if centre else (agency,):
                    yield whose, name, member, bool(sure)

    def failing(self, control: str, members: Collection[str]) -> dict[str, dict[str, float | None]]:
        """Of members that do not meet a control: the columns of the conditions that do not hold, in order.

        Beside a count stands how many were counted, beside what is computed its share, beside every other column None.
        """
        question = self.questions[control]
        if question.meets is None:
            return {}
        parts = [(part.columns, write(part, self.dialect, self.at)) for part in question.meets.parts]
        flags = ", ".join(f"CASE WHEN NOT ({sql}) THEN 1 ELSE 0 END" for _, sql in parts)
        counts = [c for c in question.meets.columns if c in self.counts or c in COMPUTED]
        lows = "".join(f", {c if c in COMPUTED else f'{c}__low'}" for c in counts)
        asked: list[object] = list(members)
        if question.control.population == "assets":
            asked = [int(member) for member in members]
            self._index_assets()
        query = text(
            f"SELECT CAST(member AS TEXT), {flags}{lows} FROM {MEMBER[question.control.population]} "
            "WHERE member IN :members"
        ).bindparams(bindparam("members", value=asked, expanding=True))
        found: dict[str, dict[str, float | None]] = {}
        for member, *said in self.connection.execute(query) if members else ():
            counted = dict(zip(counts, said[len(parts) :], strict=True))
            columns = [c for (names, _), failed in zip(parts, said, strict=False) if failed for c in names]
            found[member] = {column: counted.get(column) for column in columns}
        return found

    def _index_assets(self) -> None:
        """Have members looked up and not searched for; made when somebody first asks, for most judgements never do."""
        if not self._indexed:
            self.run(f"CREATE INDEX judged_asset_member ON {MEMBER['assets']} (member)")
            self._indexed = True

    def count_columns(self, count: str) -> tuple[str, ...]:
        """The columns that decide whether a count counts a member."""
        return self.counts[count].columns

    def column_names(self, control: str) -> tuple[str, ...]:
        """The columns that a control rests on: its evidence."""
        return self.questions[control].columns
