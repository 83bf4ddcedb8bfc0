"""The configuration: one TOML file, environment variables above it, read strictly and once."""

from __future__ import annotations

import math
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)  # fmt: skip
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

import goals
from api.commanding import split_host
from api.config_backup import OwnBackups
from api.config_netbox import NetBoxSettings
from api.misconfigured import tell_settings
from collectors.backups.names import compile_pattern
from inventory.refusing import cannot
from inventory.urls import read_url
from inventory.words import InputError, Title

PLACES = (Path("dophu.toml"), Path("/etc/dophu/dophu.toml"))
"""Where the file is looked for when none is named; without one, the defaults hold."""


STATE_SECONDS = 1200
"""How long a state of a line counts, as the vocabulary has it (a test compares)."""
_ROUND_SECONDS = 60
"""How much later than it is due a round may be over."""


class ConsoleServer(BaseModel):
    """One [[consoles]]: an antivirus console that is asked itself, on schedule (Kaspersky Security Center)."""

    model_config = ConfigDict(extra="forbid")

    server: str
    """HOST or HOST:PORT."""
    credential: str
    """The name of a credential of the kind "ksc"."""
    console: str = ""
    """The source of its facts, where there are several; empty: "kaspersky"."""
    agency: str | None = None
    """The code of the agency whose machines alone it manages."""
    hours: float = Field(default=24, gt=0, le=8784)

    @field_validator("server")
    @classmethod
    def _is_place(cls, value: str) -> str:
        split_host(value, 0, names=True)
        return value


class LineLimits(BaseModel):
    """From when on a line that answers is degraded."""

    model_config = ConfigDict(extra="forbid")

    loss: float = Field(default=0.05, gt=0, le=1)
    """The share (0-1) of lost packets above which it is."""
    p95_ms: float = Field(default=200, gt=0, le=60_000)
    """Milliseconds that 95 % of the round trips may take."""


class LineSettings(LineLimits):
    """[lines]: how the lines are probed; [lines.kinds.internet] has limits for one kind."""

    seconds: float = Field(default=60, ge=30, le=3600)
    """How often every line is probed."""
    window_minutes: float = Field(default=5, ge=1, le=15)
    """Over how long loss and delay are judged, and how often what has not changed is stored."""
    echoes: int = Field(default=10, ge=1, le=100)
    """Echo requests to each line in a round."""
    rate: float = Field(default=2000, ge=1, le=20_000)
    """Requests a second, at most."""
    trace_hours: float = Field(default=24, ge=1, le=8784)
    """How often the routers on the way are learned of lines that are declared without `via`."""
    kinds: dict[Literal["internet", "mtslcd", "wan"], LineLimits] = {}

    @property
    def store_seconds(self) -> float:
        """How long ago a state was stored, at least, that is stored again though it has not changed."""
        return self.window_minutes * 60 - self.seconds / 2

    @model_validator(mode="after")
    def _judge_something(self) -> LineSettings:
        """Each setting may be right where together they judge no loss, or let every state lapse between two rounds."""
        if not self.model_fields_set & {"seconds", "window_minutes", "echoes"}:
            return self
        from collectors.lines import Limits  # costs 40 ms, and most are content with the defaults

        rounds, least = max(1, int(self.window_minutes * 60 // self.seconds)), Limits().least
        if rounds * self.echoes < least:
            sent, own, every = rounds * self.echoes, self.echoes, f"{self.seconds:g}"
            raise InputError(
                Title(
                    f"gặp {sent} gói trong window_minutes ({own} gói mỗi {every} giây), cần ít nhất {least}: ít hơn "
                    "thì không kết luận được tỷ lệ mất gói",
                    f"found {sent} echoes within window_minutes ({own} every {every} s), expected at least {least}: of "
                    "fewer no loss is told",
                )
            )
        stored = max(1, math.ceil(self.store_seconds / self.seconds)) * self.seconds
        if stored > STATE_SECONDS - _ROUND_SECONDS:
            every, most, hold = (
                f"{stored / 60:.3g}", f"{(STATE_SECONDS - _ROUND_SECONDS) / 60:g}", f"{STATE_SECONDS / 60:g}"
            )  # fmt: skip
            raise InputError(
                Title(
                    f"gặp trạng thái được lưu mỗi {every} phút theo seconds và window_minutes, cần nhiều nhất {most}: "
                    f"trạng thái chỉ có giá trị {hold} phút",
                    f"found states that are stored every {every} minutes by seconds and window_minutes, expected at "
                    f"most {most}: they count for {hold}",
                )
            )
        return self

    def limits_of(self, kind: str) -> LineLimits:
        """The limits for lines of a kind; what is not set for it is as for all."""
        own = next((limits for name, limits in self.kinds.items() if name == kind), None)
        if own is None:
            return self
        given = {name: getattr(own, name) for name in own.model_fields_set}
        return LineLimits(loss=self.loss, p95_ms=self.p95_ms).model_copy(update=given)


class WindowSettings(BaseModel):
    """One [windows.NAME]: the hours in which jobs that name it may be done, in Vietnam's time."""

    model_config = ConfigDict(extra="forbid")

    days: str = "mon-sun"
    """Such as mon-fri or sat,sun."""
    hours: list[str] = ["00:00-24:00"]
    """Such as 07:30-11:30; one that ends before it begins goes over midnight."""
    holidays: bool = True
    """Whether public holidays count."""
    agencies: list[str] = []
    """Whose own window this is, in place of the one that a schedule names."""


class ScanSettings(BaseModel):
    """[scan]: how much scans may ask."""

    model_config = ConfigDict(extra="forbid")

    rate: int = Field(default=500, ge=4, le=10_000)
    """Packets a second in one network at most."""
    share: float = Field(default=0.05, gt=0, le=1)
    """Of the contracted rate of the agency's slowest line at most so much."""
    rates: dict[str, Annotated[int, Field(ge=4, le=10_000)]] = {}
    """Packets a second by network, in place of both."""
    networks: int = Field(default=4, ge=1, le=50)
    """Networks scanned at once."""
    hours: float = Field(default=12, gt=0, le=168)
    """After so long the scan of one network is broken off."""


class WebsiteSettings(BaseModel):
    """[websites]: how declared websites are read."""

    model_config = ConfigDict(extra="forbid")

    ca: list[Path] = []
    """Files of certificates (PEM) of the province's own authorities, trusted besides those of the system."""
    witnesses: list[str] = []
    """Addresses such as https://example.vn/ of others, asked besides the declared ones whether our own line works."""

    @field_validator("witnesses")
    @classmethod
    def _are_addresses(cls, value: list[str]) -> list[str]:
        for text in value:
            read_url(text)
        return value


class BackupFolder(BaseModel):
    """One [[backups.folders]]: a folder into which backups are put."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(max_length=1000)
    """From / on; of this machine, or of the one at `address`."""
    pattern: str | list[str]
    """Names such as {system}-{date}.bak, where * and ? stand for anything; of several the first that fits counts."""
    address: str = ""
    """HOST or HOST:PORT of a machine that is asked over SSH; empty: this one."""
    credential: str = ""
    """The name of a credential of the kind "ssh", where there is an address."""
    system: str = ""
    """Whose backups they are, by name, serial number or address, where the pattern has no {system}."""
    agency: str = ""
    """The code of the agency of these systems; where they are named by address it has to be there."""
    job: str = Field(default="", max_length=200)
    """What the job is called where the pattern has no {job}; empty: as the folder."""
    depth: int = Field(default=1, ge=1, le=5)
    """How far below the folder is looked."""
    shrunk: float = Field(default=0.5, ge=0, lt=1)
    """A file below this share of the usual size is no backup; 0: any size is right."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns in their order."""
        return (self.pattern,) if isinstance(self.pattern, str) else tuple(self.pattern)

    @property
    def label(self) -> str:
        """What the folder is called: its path, behind the machine's address."""
        return f"{self.address}:{self.path}" if self.address else self.path

    @model_validator(mode="after")
    def _is_whole(self) -> BackupFolder:
        if not self.path.startswith("/") or not self.path.isprintable():
            raise InputError(
                Title(
                    f"path: gặp {self.path!r:.80}, cần đường dẫn bắt đầu từ /",
                    f"path: found {self.path!r:.80}, expected one from / on",
                )
            )
        if bool(self.address) != bool(self.credential):
            raise InputError(
                Title(
                    "cần cả address và credential, hoặc không có cả hai khi là thư mục của máy này",
                    "expected address and credential together, or neither for a folder of this machine",
                )
            )
        if self.address:
            split_host(self.address, 0)
        if not self.patterns:
            raise InputError(Title("pattern: cần ít nhất một", "pattern: expected at least one"))
        for pattern in self.patterns:
            compile_pattern(pattern)
            if ("{system}" in pattern) == bool(self.system):
                raise InputError(
                    Title(
                        f"gặp mẫu {pattern!r}, cần có {{system}} trong đó hoặc nêu system",
                        f"found the pattern {pattern!r}, expected either {{system}} in it or a system",
                    )
                )
        return self


class BackupSettings(BaseModel):
    """[backups]: the folders of backup servers that are looked into."""

    model_config = ConfigDict(extra="forbid")

    hours: float = Field(default=1, gt=0, le=168)
    """How often."""
    folders: list[BackupFolder] = Field(default=[], max_length=500)

    @field_validator("folders")
    @classmethod
    def _are_different(cls, value: list[BackupFolder]) -> list[BackupFolder]:
        labels = [folder.label for folder in value]
        if twice := [label for label in labels if labels.count(label) > 1]:
            raise InputError(
                Title(
                    f"gặp thư mục {twice[0]} hai lần, cần một mục có nhiều mẫu",
                    f"found the folder {twice[0]} twice, expected one entry with several patterns",
                )
            )
        return value


class InfluxSettings(BaseModel):
    """[influxdb]: where every snapshot is written as points, over the API v2 (InfluxDB, VictoriaMetrics)."""

    model_config = ConfigDict(extra="forbid")

    url: str
    """Such as https://influx.example.vn:8086."""
    org: str
    bucket: str
    credential: str = ""
    """The name of a credential of the kind "influxdb", which holds the token; empty: none is sent."""
    ca: Path | None = None
    """A file of certificates (PEM) that is trusted besides those of the system."""
    timeout_seconds: float = Field(default=10, ge=1, le=300)
    batch: int = Field(default=5_000, ge=1, le=50_000)
    """Points in one request."""
    spool_mb: int = Field(default=256, ge=1, le=100_000)
    """Megabytes on disk that may wait while the server is away; beyond that the oldest snapshots are dropped."""

    @field_validator("url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        try:
            fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            fits = False
        if not fits or parts.username or parts.query or parts.fragment or not value.isprintable() or " " in value:
            raise InputError(
                Title(
                    "cần địa chỉ như https://influx.example.vn:8086, không có tên người dùng hay tham số",
                    "expected an address such as https://influx.example.vn:8086, without user or query",
                )
            )
        return value

    @field_validator("org", "bucket")
    @classmethod
    def _is_named(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise InputError(Title("cần một tên", "expected a name"))
        return value


class ReportSettings(BaseModel):
    """[report]: what stands in the head and the foot of reports."""

    model_config = ConfigDict(extra="forbid")

    authority: str = "Ủy ban nhân dân tỉnh"
    """The authority above the one that issues it; the head has both names in capitals."""
    department: str = "Sở Khoa học và Công nghệ"
    number: str = "      /BC-SKHCN"
    place: str = "……………"
    signer_title: str = "GIÁM ĐỐC"
    signer: str = ""
    recipients: list[str] = ["UBND tỉnh", "Lưu: VT"]


class Config(BaseSettings):
    """Every setting, with its default; DOPHU_NAME in the environment sets the field `name`."""

    model_config = SettingsConfigDict(env_prefix="DOPHU_", extra="forbid")

    data: Path = Path("data")
    """The folder of the database and of the key that opens the credentials."""
    database: str = ""
    """sqlite:///PATH or postgresql://…; empty: dophu.db in the data folder."""
    key_file: Path | None = None
    """The key ring; default: keys in the data folder."""
    goals: Path = Path(next(iter(goals.__path__)))
    """The folder of controls and plans."""
    parameters: dict[str, dict[str, float | str]] = {}
    """[parameters.CONTROL]: thresholds of a control in place of those that its file proposes."""
    plans: list[str] = []
    """The ids of the plans that hold here, that of the first page first; empty: all in the folder."""
    api_token: SecretStr | None = None
    """What callers must present when the server listens beyond loopback."""
    api_token_file: Path | None = None
    """A file that holds the token in its place, such as systemd's %d/api_token."""
    concurrency: int = Field(default=50, ge=1, le=1000)
    """Targets read at once."""
    discover_hours: float = Field(default=24, gt=0, le=8784)
    collect_minutes: float = Field(default=5, gt=0, le=10080)
    traps: str = ""
    """Where SNMP traps and informs are received, such as 0.0.0.0:162; empty: nowhere."""
    meeting_minutes: float = Field(default=5, gt=0, le=480)
    """How long a call has to go on during a meeting for it to count as held online."""
    consoles: list[ConsoleServer] = []
    """Consoles that are asked on schedule."""
    lines: LineSettings = LineSettings()
    windows: dict[str, WindowSettings] = {}
    """The hours that schedules may name."""
    holidays: list[date] = []
    """Days off beside the public holidays."""
    scan: ScanSettings = ScanSettings()
    report: ReportSettings = ReportSettings()
    netbox: NetBoxSettings | None = None
    """The organisation's NetBox, where it has one."""
    websites: WebsiteSettings = WebsiteSettings()
    backups: BackupSettings = BackupSettings()
    influxdb: InfluxSettings | None = None
    backup: OwnBackups | None = None
    """Where backups are put on schedule."""
    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """The file that it was read from, where there is one."""
        return self._file

    @property
    def database_url(self) -> str:
        """The database's address."""
        return self.database or f"sqlite:///{self.data / 'dophu.db'}"

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database."""
        kind, _, path = self.database_url.partition(":///")
        return Path(path) if kind == "sqlite" else None

    @property
    def token(self) -> str | None:
        """The API's token, or None.

        Raises:
            InputError: its file cannot be read, or it is none that a header can carry; it is never repeated.
        """
        where, token = "api_token", self.api_token.get_secret_value() if self.api_token else ""
        if self.api_token_file is not None:
            if token:
                raise InputError(
                    Title(
                        "gặp cả api_token và api_token_file, cần một trong hai",
                        "found api_token and api_token_file, expected one of them",
                    )
                )
            where = f"api_token_file {self.api_token_file}"
            try:
                token = self.api_token_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise cannot(where, error) from None
            except UnicodeDecodeError:
                raise InputError(Title(f"{where}: cần văn bản", f"{where}: expected text")) from None
            if not token:
                raise InputError(Title(f"{where}: rỗng, cần một token", f"{where}: found nothing, expected a token"))
        if not token.isascii() or not token.isprintable() or " " in token:
            raise InputError(
                Title(
                    f"{where}: cần chữ, số và dấu ASCII, không có khoảng trắng",
                    f"{where}: expected letters, digits and signs of ASCII without spaces",
                )
            )
        return token or None

    @property
    def keys(self) -> Path:
        """The file of the key ring."""
        return self.key_file or self.data / "keys"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment stands above the file, whose values come as the constructor's."""
        return env_settings, init_settings


def read_config(path: Path | None = None, data: Path | None = None) -> Config:
    """Read the configuration from `path`, or from the first of `PLACES` that exists; `data` overrides its folder.

    Raises:
        InputError: the file cannot be read, or a setting is unknown or not what is expected; each is named.
    """
    found = path or next((p for p in PLACES if p.is_file()), None)
    values: dict[str, Any] = {}
    if found is not None:
        try:
            values = tomllib.loads(found.read_text(encoding="utf-8"))
        except OSError as error:
            raise cannot(found, error) from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(Title(f"{found}: không phải TOML: {error}", f"{found}: {error}")) from None
        for name in ("data", "goals", "key_file", "api_token_file"):
            if isinstance(values.get(name), str):
                values[name] = found.parent / values[name]
        backup = values.get("backup")
        if isinstance(backup, dict) and isinstance(backup.get("folder"), str):
            backup["folder"] = found.parent / backup["folder"]
        sites = values.get("websites")
        if isinstance(sites, dict) and isinstance(sites.get("ca"), list):
            sites["ca"] = [found.parent / path if isinstance(path, str) else path for path in sites["ca"]]
        influx = values.get("influxdb")
        if isinstance(influx, dict) and isinstance(influx.get("ca"), str):
            influx["ca"] = found.parent / influx["ca"]
    try:
        config = Config(**values)
    except ValidationError as error:
        # The values are left out: one of them may be the token.
        raise InputError(tell_settings(found, error)) from None
    config._file = found
    return config.model_copy(update={"data": data}) if data is not None else config
