"""The lab's document system: sends what it counted, agency by agency and month by month, as a real one would.

python -m tests.lab.eoffice http://HOST:PORT < TOKEN
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

from inventory.periods import year_so_far

SENDS = ("so-khcn", "so-yte", "so-taichinh", "huyen-thachlam", "xa-anphong")
"""The agencies that use it; huyen-vanhoa writes its numbers down, and the People's Committee tells nothing."""
#: Of a hundred documents of each agency, and the shares of them that are handled so: percent, by place in `SENDS`.
SHARES = {
    "documents_electronic": (96, 92, 88, 75, 60), "documents_signed": (80, 71, 64, 40, 0),
    "documents_in_system": (95, 90, 84, 70, 55), "documents_on_axis": (90, 85, 80, 60, 0),
}  # fmt: skip
OTHERS = {"work_files": (40, 35, 28, 30, 12), "work_files_online": (34, 29, 20, 17, 4), "meetings": (9, 8, 7, 6, 4),
          "meetings_online": (8, 7, 6, 4, 1), "mailboxes": (46, 58, 30, 41, 12),
          "mailboxes_used": (40, 45, 22, 19, 3)}  # fmt: skip


def facts(now: datetime) -> Iterator[dict[str, object]]:
    """What is sent: of every month of the year that has ended."""
    for number, month in enumerate(year_so_far(now)):
        for place, agency in enumerate(SENDS):
            documents = 100 + 7 * place + 3 * number
            told = {"documents": documents}
            told |= {key: documents * shares[place] // 100 for key, shares in SHARES.items()}
            told |= {key: values[place] for key, values in OTHERS.items()}
            for key, value in told.items():
                yield {"agency": agency, "key": key, "period": month.text, "value": value}


def declared(now: datetime) -> str:
    """What Văn Hoá district wrote down in the last month that ended, and what the province declares, as two tables."""
    month = year_so_far(now)[-1].text
    day = f"{now:%d/%m/%Y}"
    return (
        "Mã cơ quan;Kỳ;documents;documents_electronic;documents_signed;Số văn bản;Người ký;Ngày ký\n"
        f"huyen-vanhoa;{month};112;80;35;41/BC-VH;Lò Thị Mây;{day}\n"
    )


def goals(now: datetime) -> str:
    """What only a person can say of the plan's goals, in the year's last month that ended."""
    month, day = year_so_far(now)[-1].text, f"{now:%d/%m/%Y}"
    return (
        "plan;goal;part;period;count;total;document;signer;signed\n"
        f"vinh-phuc-2020;computer_skills;;{month};173;184;58/BC-SNV;Trần Văn Đạt;{day}\n"
        f"vinh-phuc-2020;egovernment_architecture;;{month};1;1;1203/QĐ-UBND;Phạm Thị Hạnh;{day}\n"
    )


def main() -> None:
    """Send everything once; a refusal ends with its text."""
    body = json.dumps({"facts": list(facts(datetime.now(UTC)))}).encode()
    headers = {"Authorization": f"Bearer {sys.stdin.read().strip()}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{sys.argv[1]}/api/v1/facts", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())


if __name__ == "__main__":
    main()
