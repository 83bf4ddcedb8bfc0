"""Speaks osquery's TLS API as its daemon does, over tables of a described machine; osquery itself was not to be had.

osquery's tables are virtual tables of SQLite, so the queries that the server asks run here in a real SQLite, over
tables with the columns of osquery's schema: a query that names a column that osquery has not fails as it would there.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent.parent / "recordings" / "agent" / "osquery"

#: Table → its columns as osquery 5's specifications list them; where those of platforms differ, all of them.
SCHEMA = {
    "os_version": (
        "name version major minor patch build platform platform_like codename arch extra install_date revision"
    ),
    "system_info": (
        "hostname uuid cpu_type cpu_subtype cpu_brand cpu_physical_cores cpu_logical_cores cpu_sockets cpu_microcode"
        " physical_memory hardware_vendor hardware_model hardware_version hardware_serial board_vendor board_model"
        " board_version board_serial computer_name local_hostname"
    ),
    "kernel_info": "version arguments path device",
    "interface_details": "interface mac type mtu metric flags ipackets opackets ibytes obytes last_change",
    "interface_addresses": "interface address mask broadcast point_to_point type",
    "osquery_registry": "registry name owner_uuid internal active",
}
ON = {
    "windows": {
        "interface_details": "friendly_name description manufacturer connection_id connection_status enabled"
        " physical_adapter speed service dhcp_enabled dns_domain",
        "windows_security_products": "type name state state_timestamp remediation_path signatures_up_to_date",
        "windows_security_center": "firewall autoupdate antivirus antispyware internet_settings"
        " windows_security_center_service user_account_control",
        "patches": "csname hotfix_id caption description fix_comments installed_by install_date installed_on",
        "windows_update_history": "client_app_id date description hresult operation result_code server_selection"
        " service_id support_url title update_id update_revision",
        "registry": "key path name type data mtime",
        "programs": "name version install_location install_source language publisher uninstall_string install_date"
        " identifying_number package_family_name upgrade_code",
        "logical_drives": "device_id type description free_space size file_system boot_partition",
        "bitlocker_info": "device_id drive_letter persistent_volume_id conversion_status protection_status"
        " encryption_method version percentage_encrypted lock_status",
        "security_profile_info": "minimum_password_age maximum_password_age minimum_password_length"
        " password_complexity password_history_size lockout_bad_count",
        "windows_optional_features": "name caption state statename",
    },
    "linux": {
        "interface_details": "link_speed pci_slot",
        "systemd_units": "id description load_state active_state sub_state following object_path job_id job_type"
        " job_path fragment_path user source_path",
        "deb_packages": "name version source size arch revision status maintainer section priority admindir",
        "rpm_packages": "name version release source size sha1 arch epoch install_time vendor package_group",
        "mounts": "device device_alias path type blocks_size blocks blocks_free blocks_available inodes flags",
        "disk_encryption": "name uuid encrypted type encryption_status uid user_uuid filevault_status",
    },
}


@dataclass
class Daemon:
    """One daemon: it makes the bodies that it would send, and takes the answers."""

    identifier: str
    platform: str
    tables: dict[str, list[dict[str, Any]]]
    node_key: str = ""
    schedule: dict[str, Any] = field(default_factory=dict)
    decorators: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """The queries that SQLite refused, with its words."""

    @classmethod
    def of(cls, name: str, **changes: Any) -> Daemon:
        """The daemon of a described machine, with tables of its own put in the place of some."""
        described = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
        return cls(described["identifier"], described["platform"], described["tables"] | changes)

    def ask(self, sql: str) -> list[dict[str, str]]:
        """The rows as osquery gives them: every value as text."""
        with contextlib.closing(self._open()) as database:
            found = database.execute(sql)
            names = [column[0] for column in found.description]
            return [dict(zip(names, ("" if v is None else str(v) for v in row), strict=True)) for row in found]

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(":memory:")
        here = ON[self.platform]
        for table in SCHEMA | here:
            columns = f"{SCHEMA.get(table, '')} {here.get(table, '')}".split()
            database.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        for table in SCHEMA | here:
            database.execute("INSERT INTO osquery_registry VALUES ('table', ?, 0, 0, 1)", (table,))
            for row in self.tables.get(table, []):
                marks = ", ".join("?" * len(row))
                database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))  # noqa: S608
        return database

    def enrolment(self) -> dict[str, Any]:
        asked = {"os_version": "SELECT * FROM os_version", "system_info": "SELECT * FROM system_info"}
        details = {name: self.ask(sql)[0] for name, sql in asked.items()}
        return {
            "enroll_secret": "", "host_identifier": self.identifier, "platform_type": "2",
            "host_details": details | {"osquery_info": {"version": "5.12.1"}, "platform_info": {}},
        }  # fmt: skip

    def keyed(self, **more: Any) -> dict[str, Any]:
        return {"node_key": self.node_key, **more}

    def configure(self, answer: dict[str, Any]) -> None:
        self.schedule, self.decorators = answer["schedule"], answer["decorators"]["always"]

    def results(self, at: float, *names: str) -> dict[str, Any]:
        """The log of one run of the scheduled queries that are for this platform, or of those named."""
        decorations = {k: v for sql in self.decorators for row in self.ask(sql) for k, v in row.items()}
        data = []
        for name, query in self.schedule.items():
            fit = query.get("platform", self.platform) in (self.platform, "posix" if self.platform == "linux" else "")
            if fit and (not names or name in names) and (rows := self._try(name, query["query"])) is not None:
                data.append(
                    {
                        "snapshot": rows, "action": "snapshot", "name": name, "hostIdentifier": self.identifier,
                        "calendarTime": "", "unixTime": int(at), "epoch": 0, "counter": 0, "numerics": False,
                        "decorations": decorations,
                    }
                )  # fmt: skip
        return self.keyed(log_type="result", data=data)

    def answers(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answers to queries asked once, those left out whose discovery finds nothing."""
        rows: dict[str, Any] = {}
        statuses: dict[str, int] = {}
        for name, sql in asked["queries"].items():
            if self.ask(asked["discovery"][name]):
                found = self._try(name, sql)
                rows[name], statuses[name] = (found, 0) if found is not None else ([], 1)
        return self.keyed(queries=rows, statuses=statuses)

    def _try(self, name: str, sql: str) -> list[dict[str, str]] | None:
        try:
            return self.ask(sql)
        except sqlite3.Error as error:
            self.failed[name] = str(error)
            return None
