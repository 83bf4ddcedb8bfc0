"""One chart of a plan's goals for page, Word and PDF: what is proven, declared, unknown and unmet, and the target.

It is drawn with Vega-Lite by a process of its own, which ends with it: the engine that draws is larger than all of
Dophu, and is needed for a second.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Bar", "draw"]

Bar = Mapping[str, Any]
"""name: what the goal is called; met, declared, unknown, unmet: shares (0-1); target: a share, or None."""

STATUSES = ("met", "declared", "unknown", "unmet")
_COLORS = ("#1f5c9e", "#8c6bb1", "#f2b84b", "#c62828")
"""As on the pages; the four tell apart in grey and for those who see no red or green."""
_WIDTH, _ROW, _LABEL = 430, 22, 300
"""Pixels of the bars, of one bar's row, and of the longest name beside them."""
_SECONDS = 60
_SCALE = 3


def draw(bars: Sequence[Bar], words: Mapping[str, str], form: str) -> bytes:
    """The chart as "svg" or "png".

    Args:
        words: of each status and of "target" in the reader's language.

    Raises:
        RuntimeError: it could not be drawn.
    """
    asked = json.dumps({"bars": list(bars), "words": dict(words), "form": form})
    command = [sys.executable, "-m", "exporters.reports.chart"]
    done = subprocess.run(command, input=asked.encode(), capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"the chart could not be drawn: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return done.stdout


def _specification(bars: Sequence[Bar], words: Mapping[str, str]) -> dict[str, Any]:
    import altair

    # Two goals may have one name; a bar is known by its place.
    names = [f"{number}|{bar['name']}" for number, bar in enumerate(bars)]
    shares = [
        {"goal": name, "status": words[status], "order": order, "share": bar[status]}
        for name, bar in zip(names, bars, strict=True)
        for order, status in enumerate(STATUSES)
    ]
    targets = [{"goal": n, "target": b["target"]} for n, b in zip(names, bars, strict=True) if b["target"] is not None]
    goals = altair.Y(
        "goal:N", sort=names, title=None,
        axis=altair.Axis(labelExpr="slice(datum.label, indexof(datum.label, '|') + 1)", labelLimit=_LABEL),
    )  # fmt: skip
    whole = altair.Scale(domain=[0, 1])
    bar = (
        altair.Chart(altair.InlineData(values=shares))
        .mark_bar(height=_ROW - 8)
        .encode(
            y=goals,
            x=altair.X("share:Q", stack="zero", title=None, scale=whole, axis=altair.Axis(format=".0%")),
            color=altair.Color(
                "status:N", title=None, legend=altair.Legend(orient="top"),
                scale=altair.Scale(domain=[words[s] for s in STATUSES], range=list(_COLORS)),
            ),
            order="order:Q",
        )
    )  # fmt: skip
    tick = (
        altair.Chart(altair.InlineData(values=targets))
        .mark_tick(thickness=3, size=_ROW - 2, color="#111111")
        .encode(y=goals, x=altair.X("target:Q", scale=whole, title=None))
    )
    chart = altair.layer(bar, tick).properties(width=_WIDTH, height={"step": _ROW}, background="white")
    told: dict[str, Any] = (
        chart.configure(font="DejaVu Sans, Arial, sans-serif").configure_axis(labelFontSize=11).to_dict()
    )
    return told


def main() -> None:
    """Draw what standard input asks for."""
    import vl_convert

    asked = json.load(sys.stdin.buffer)
    told = _specification(asked["bars"], asked["words"])
    if asked["form"] == "png":
        sys.stdout.buffer.write(vl_convert.vegalite_to_png(told, scale=_SCALE))
    else:
        sys.stdout.buffer.write(vl_convert.vegalite_to_svg(told).encode())


if __name__ == "__main__":
    main()
