"""The tables of the store. Every time is an integer of milliseconds since 1970 (UTC); every day is an ISO date."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData()

FOREVER = 9_999_999_999_999
"""The end of what has not ended: 13 digits, as all times are until the year 2286."""

# SQLite counts only its own INTEGER as the row id, so a big key has to be a plain integer there.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _instant(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


level = Table(
    "level",
    metadata,
    Column("code", String, primary_key=True),
    Column("name_vi", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("part", Boolean, nullable=False),
)

agency = Table(
    "agency",
    metadata,
    Column("code", String, primary_key=True),
    Column("valid_from", Date, primary_key=True),
    Column("valid_to", Date),
    Column("name_vi", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("level", String, nullable=False),
    Column("parent", String),
    Column("successor", String),
)

network = Table(
    "network",
    metadata,
    Column("code", String, primary_key=True),
    Column("agency", String, nullable=False),
    Column("prefix", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("scan", Boolean, nullable=False),
    Column("credentials", String, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
)

link = Table(
    "link",
    metadata,
    Column("code", String, primary_key=True),
    Column("agency", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("address", String),
    Column("provider", String, nullable=False),
    Column("contracted_mbps", Float),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    # Later than the others: rows of former seals have none.
    Column("via", String),
    Column("port", Integer),
)

website = Table(
    "website",
    metadata,
    Column("url", String, primary_key=True),
    Column("agency", String, nullable=False),
    Column("title", String, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
)

declared_count = Table(
    "declared_count",
    metadata,
    Column("agency", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("value", Integer, nullable=False),
    Column("document", String, nullable=False),
)

asset = Table(
    "asset",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    # The asset that this one is the same as; its own id unless it was merged. Facts never move: merging and undoing
    # change this column only.
    Column("root", _Id, nullable=False, index=True),
    _instant("created"),
)

identifier = Table(
    "identifier",
    metadata,
    Column("kind", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("asset", _Id, primary_key=True),
    # Found on two machines that are certainly not the same: it identifies nothing any more.
    Column("shared", Boolean, nullable=False),
    Index("identifier_asset", "asset"),
)

address = Table(
    "address",
    metadata,
    Column("network", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("asset", _Id, nullable=False, index=True),
    _instant("seen"),
)

merge = Table(
    "merge",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("asset", _Id, nullable=False),
    Column("into", _Id, nullable=False),
    Column("reason", String, nullable=False),
    _instant("at"),
    _instant("undone", nullable=True),
)


def _facts(name: str, subject: TypeEngine[int] | TypeEngine[str]) -> Table:
    """One row per value held: what one source said of one subject from `first` to `last`, until its next row begins."""
    return Table(
        name,
        metadata,
        Column("subject", subject, primary_key=True),
        Column("key", String, primary_key=True),
        Column("item", String, primary_key=True),
        Column("source", String, primary_key=True),
        Column("first", BigInteger, primary_key=True),
        _instant("last"),
        _instant("until"),
        Column("proof", Integer, nullable=False),
        Column("value", Text),
        _instant("recorded"),
        # Facts are read by subject and in whole: stored in that order, they need no second copy of their key.
        sqlite_with_rowid=False,
    )


FACTS = {
    "asset": _facts("asset_fact", _Id),
    "link": _facts("link_fact", String()),
    "agency": _facts("agency_fact", String()),
}

# Most tables are told again as they were: the digest of their rows says so, and they need not be read to be confirmed.
table_digest = Table(
    "table_digest",
    metadata,
    Column("subject", _Id, primary_key=True, autoincrement=False),
    Column("key", String, primary_key=True),
    Column("source", String, primary_key=True),
    # When these rows of an asset's table, so many, were confirmed together; it follows from the facts.
    _instant("last"),
    Column("count", Integer, nullable=False),
    Column("digest", String, nullable=False),
)

# Who was seen in a network is asked at the end of every sweep; without this it would be a walk over all facts.
_seen_in = FACTS["asset"].c.key == literal_column("'network'")
Index("asset_fact_network", FACTS["asset"].c.value, sqlite_where=_seen_in, postgresql_where=_seen_in)

# Who has a program, or ever had, is asked by its name, across all machines. The names of one machine lie far apart:
# to write them machine by machine costs more than to write its facts, so they wait for those of others.
software_name = Table(
    "software_name",
    metadata,
    Column("item", String, primary_key=True),
    Column("subject", _Id, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: The machines with programs that are not in `software_name` yet.
software_new = Table("software_new", metadata, Column("subject", _Id, primary_key=True, autoincrement=False))

software_read = Table(
    "software_read",
    metadata,
    Column("subject", _Id, primary_key=True, autoincrement=False),
    Column("source", String, primary_key=True),
    # A program that was not confirmed then is gone. It follows from the facts; asked of each of them it would be slow.
    _instant("last"),
)

run = Table(
    "run",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("collector", String, nullable=False),
    Column("target", String, nullable=False),
    Column("agency", String),
    # Set when the run was to read this whole network; only then can it say that something is not there.
    Column("network", String),
    _instant("started"),
    _instant("finished"),
    Column("complete", Boolean, nullable=False),
    Column("observations", Integer, nullable=False),
    Column("error", Text),
    Index("run_network", "network", "finished"),
    Index("run_finished", "finished"),
    Index("run_target", "collector", "target", "complete"),
)

target_state = Table(
    "target_state",
    metadata,
    Column("collector", String, primary_key=True),
    Column("target", String, primary_key=True),
    _instant("last_run"),
    _instant("last_success", nullable=True),
    Column("duration", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text),
)

event = Table(
    "event",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("asset", _Id, nullable=False),
    Column("agency", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("source", String, nullable=False),
    Column("item", String, nullable=False),
    Column("detail", Text, nullable=False),
    _instant("at"),
    # Told again and again within minutes it stays one row.
    _instant("last"),
    Column("times", Integer, nullable=False),
    Index("event_at", "at"),
    Index("event_asset", "asset", "at"),
    Index("event_agency", "agency", "at"),
)

# What others publish and the facts are held against: when systems end, which updates there are. Former ones are kept.
reference = Table(
    "reference",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    # Of which day the data are, and when they were imported.
    _instant("dated"),
    _instant("imported"),
    Column("origin", String, nullable=False),
    Column("document", Text, nullable=False),
    Index("reference_kind", "kind", "id"),
)

finding = Table(
    "finding",
    metadata,
    Column("control", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    _instant("until"),
    Column("agency", String, nullable=False),
    Column("level", String, nullable=False),
    Column("status", String, nullable=False),
    # The columns that were unknown, by name; the words of the reason are made from the facts when it is read.
    Column("gaps", String, nullable=False),
    Column("weight", Integer, nullable=False),
    # With the member in it, who is new and who is no more are each one look-up, not a walk over all that stand.
    Index("finding_open", "control", "until", "member"),
    Index("finding_agency", "agency", "until"),
)

#: Who need not meet a control, or is not asked: for one member or, where that is empty, for all of an agency.
waiver = Table(
    "waiver",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("control", String, nullable=False),
    Column("member", String, nullable=False),
    Column("agency", String, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("granted_by", String, nullable=False),
    Column("document", String, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    Column("ended", Date),
    _instant("recorded"),
)


#: When what fails is not counted: of one link, asset or network, or of all of an agency.
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("scope", String, nullable=False),
    Column("subject", String, nullable=False),
    _instant("begins"),
    _instant("ends"),
    Column("reason", Text, nullable=False),
    Column("granted_by", String, nullable=False),
    Column("document", String, nullable=False),
    _instant("ended", nullable=True),
    _instant("recorded"),
    Index("maintenance_ends", "ends"),
)


def _told() -> tuple[Column[Any], ...]:
    """Who said it, on which proof, and, where a person did, in which document; until when it was the last word."""
    return (
        Column("source", String, nullable=False),
        Column("proof", Integer, nullable=False),
        Column("document", String, nullable=False),
        Column("signer", String, nullable=False),
        Column("signed", Date),
        _instant("recorded"),
        _instant("replaced"),
    )


#: What agencies and applications counted in a period. What was corrected stays, with when it was.
period_count = Table(
    "period_count",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("agency", String, nullable=False),
    Column("key", String, nullable=False),
    Column("period", String, nullable=False),
    # The period's own days, by which it is found: 2026-Q1 is text.
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("value", BigInteger, nullable=False),
    *_told(),
    Index("period_count_key", "key", "replaced", "last"),
    Index("period_count_agency", "agency", "replaced"),
)

#: What was told of a goal as a whole, or of one of its parts: so many of so many.
goal_count = Table(
    "goal_count",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("plan", String, nullable=False),
    Column("goal", String, nullable=False),
    Column("part", Integer, nullable=False),
    Column("level", String, nullable=False),
    Column("period", String, nullable=False),
    Column("last", Date, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    *_told(),
    Index("goal_count_plan", "plan", "goal", "replaced"),
)

#: A plan's figures as of the end of a day, and with which number of `revision` they were made.
closing = Table(
    "closing",
    metadata,
    Column("plan", String, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("digest", String, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
)

#: Of which day something was told late, and the number of the last time.
revision = Table(
    "revision",
    metadata,
    Column("day", Date, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

#: Which figures were sealed: what is declared afterwards of a day before is refused.
seal = Table(
    "seal",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("plan", String, nullable=False),
    _instant("at"),
    _instant("sealed"),
    Column("file", String, nullable=False),
)

#: A call that a video-conference device remembers; read again it is the same row.
call = Table(
    "call",
    metadata,
    Column("asset", _Id, primary_key=True, autoincrement=False),
    Column("source", String, primary_key=True),
    Column("begin", BigInteger, primary_key=True),
    # What tells it from another that began at the same time, as the device says it.
    Column("key", String, primary_key=True),
    _instant("end"),
    Column("direction", String, nullable=False),
    # A domain or the begin of a number: never a person.
    Column("remote", String, nullable=False),
    Column("protocol", String, nullable=False),
    Index("call_begin", "begin"),
)

#: From when to when all calls of a device are known; a gap between two is a time of which nothing can be said.
call_span = Table(
    "call_span",
    metadata,
    Column("asset", _Id, primary_key=True, autoincrement=False),
    Column("source", String, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    _instant("until"),
)

#: A meeting of a declared calendar: when, whose and in which room; no title and nobody's name is kept.
meeting = Table(
    "meeting",
    metadata,
    Column("calendar", String, primary_key=True),
    # A hash: calendars put names and addresses into it.
    Column("uid", String, primary_key=True),
    Column("begin", BigInteger, primary_key=True),
    _instant("end"),
    Column("agency", String, nullable=False),
    # As the calendar names it; which device that is, is asked when it is read.
    Column("room", String, nullable=False),
    Column("online", Boolean),
    _instant("recorded"),
    Index("meeting_begin", "begin"),
)

coverage = Table(
    "coverage",
    metadata,
    Column("at", BigInteger, primary_key=True),
    Column("plan", String, primary_key=True),
    Column("goal", String, primary_key=True),
    Column("level", String, primary_key=True),
    Column("met", Integer, nullable=False),
    Column("unmet", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("not_applicable", Integer, nullable=False),
    Column("waived", Integer, nullable=False),
    Column("declared", Integer, nullable=False),
    Column("measured", Boolean, nullable=False),
)

#: When jobs are done. `owner` does it now and says so again before `lease` is over; else another takes it up.
schedule = Table(
    "schedule",
    metadata,
    Column("name", String, primary_key=True),
    Column("job", String, nullable=False),
    Column("cadence", String, nullable=False),
    Column("window", String, nullable=False),
    Column("agencies", String, nullable=False),
    Column("argument", String, nullable=False),
    Column("jitter", BigInteger, nullable=False),
    Column("origin", String, nullable=False),
    Column("paused", Boolean, nullable=False),
    _instant("planned", nullable=True),
    _instant("next_at", nullable=True),
    _instant("asked", nullable=True),
    Column("owner", String),
    _instant("lease", nullable=True),
    Column("turn", BigInteger),
)

turn = Table(
    "turn",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("schedule", String, nullable=False),
    _instant("planned"),
    _instant("begun"),
    _instant("ended", nullable=True),
    Column("outcome", String, nullable=False),
    Column("detail", Text, nullable=False),
    Index("turn_schedule", "schedule", "begun"),
)

#: One scan of some networks by one profile. What the register does not allow is done for a recorded reason only.
#: `owner` does it and says so again before `lease` is over, as with schedules.
scan = Table(
    "scan",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("profile", String, nullable=False),
    Column("networks", Text, nullable=False),
    Column("state", String, nullable=False),
    _instant("begun"),
    _instant("ended", nullable=True),
    Column("asked_by", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    _instant("taken_up"),
    Column("owner", String),
    _instant("lease", nullable=True),
    Index("scan_profile", "profile", "begun"),
)

#: How far the scan of one network has come; `complete` says that all of it was read.
scan_network = Table(
    "scan_network",
    metadata,
    Column("scan", _Id, primary_key=True, autoincrement=False),
    Column("network", String, primary_key=True),
    Column("prefix", String, nullable=False),
    Column("addresses", BigInteger, nullable=False),
    Column("swept", Text, nullable=False),
    _instant("ended", nullable=True),
    Column("complete", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Index("scan_network_network", "network", "scan"),
)

#: What one scan saw at one address: `host` as it answered, `services` once they were read.
scan_host = Table(
    "scan_host",
    metadata,
    Column("scan", _Id, primary_key=True, autoincrement=False),
    Column("network", String, primary_key=True),
    Column("address", String, primary_key=True),
    _instant("seen"),
    Column("host", Text, nullable=False),
    _instant("read", nullable=True),
    Column("services", Text),
)

#: Who sees to it that a member meets a control.
finding_owner = Table(
    "finding_owner",
    metadata,
    Column("control", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("owner", String, nullable=False),
    Column("note", Text, nullable=False),
    _instant("until"),
)

credential = Table(
    "credential",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("sealed", Text, nullable=False),
)

token = Table(
    "token",
    metadata,
    # Only the SHA-256 of a token is kept: tokens are 256 random bits, so nothing slower is needed.
    Column("sha256", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("agency", String),
    Column("note", String, nullable=False),
    _instant("created"),
)
