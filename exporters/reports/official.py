"""The template of a report in the form of official documents (Decree 30/2020/NĐ-CP, Appendix I), which Word can edit.

The tags that a template may use:

    authority, department, number, place, signed_on    the head: who issues it, where and when
    plan, plan_number, period, as_of, compared         what it reports on; `compared` is the day of the figures before
    tally.reached, .declared, .open, .not_reached, .no_target, .not_measured, .goals        how many goals
    chart                  a picture of the goals that are measured, or nothing
    rows: number, goal, cite, level, baseline, target, due, counted, met, declared, unmet, unknown, proven, before,
        possible, short, status, at_due, reached
    ahead: goal, level, target, baseline, proven, per_month, due, at_due, reached     goals that are due later
    missing: goal, level, agency, need, number, reason     what each agency lacks of each goal, and how often
    missing_left           how many more such rows there are: the workbook has all, with every member
    waivers: control, whom, status, reason, granted_by, until        who need not meet a control
    rest: number, goal, cite                           the goals that nothing measures
    signer_title, signer, recipients (a list of texts) the foot
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

__all__ = ["official_template"]

FONT = "Times New Roman"
BODY, SMALL, CELL = Pt(14), Pt(12), Pt(11)
CENTRE, RIGHT, BOTH = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT, WD_ALIGN_PARAGRAPH.JUSTIFY

_TEXTUAL = ("goal", "level", "agency", "need", "reason", "status", "control", "whom", "granted_by")
_TEXTS = Path(__file__).with_suffix(".yaml")


@functools.cache
def official_template(language: str) -> bytes:
    """The template in Vietnamese ("vi") or English ("en"): A4, Times New Roman 14, official margins."""
    texts: dict[str, Any] = yaml.safe_load(_TEXTS.read_text(encoding="utf-8"))[language]
    document = Document()
    _set_page(document)
    _set_font(document)
    _head(document, texts)
    _line(document, texts["report"], align=CENTRE, bold=True, before=12)
    _line(document, texts["subject"], align=CENTRE, bold=True, after=12)
    _paragraph(document, texts["intro"])
    _heading(document, texts["one"])
    _paragraph(document, texts["tally"])
    _paragraph(document, texts["rule"])
    _line(document, "{%p if chart %}")
    _line(document, "{{ chart }}", align=CENTRE)
    _line(document, "{%p endif %}")
    _heading(document, texts["two"])
    cells = ("number", "goal", "level", "target", "met ~ '/' ~ r.counted", "declared", "unknown", "proven", "before",
             "status")  # fmt: skip
    _table(document, "rows", texts["figures"], cells, (1.0, 3.5, 1.5, 1.5, 1.7, 1.2, 1.3, 1.6, 1.5, 1.7))
    _line(document, "{%p if ahead %}")
    _heading(document, texts["ahead_head"])
    _paragraph(document, "{{ ahead_how }}")
    names: tuple[str, ...] = ("goal", "level", "target", "baseline", "proven", "per_month", "due", "at_due", "reached")
    _table(document, "ahead", texts["ahead"], names, (4.3, 1.6, 1.4, 1.4, 1.5, 1.5, 1.7, 1.6, 1.7))
    _line(document, "{%p endif %}")
    _heading(document, texts["three"])
    _line(document, "{%p if missing %}")
    names = ("goal", "level", "agency", "need", "number", "reason")
    _table(document, "missing", texts["missing"], names, (4.5, 1.7, 3.3, 1.9, 1.5, 3.6))
    _line(document, "{%p if missing_left %}")
    _paragraph(document, texts["left"])
    _line(document, "{%p endif %}")
    _line(document, "{%p else %}")
    _paragraph(document, texts["nothing"])
    _line(document, "{%p endif %}")
    _line(document, "{%p if waivers %}")
    _heading(document, texts["waived"])
    names = ("control", "whom", "status", "reason", "granted_by", "until")
    _table(document, "waivers", texts["waivers"], names, (3.9, 2.3, 1.9, 3.8, 2.7, 1.9))
    _line(document, "{%p endif %}")
    _line(document, "{%p if rest %}")
    _heading(document, texts["four"])
    _line(document, "{%p for r in rest %}")
    _paragraph(document, "{{ r.number }}. {{ r.goal }} ({{ r.cite }}).")
    _line(document, "{%p endfor %}")
    _line(document, "{%p endif %}")
    _foot(document, texts)
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def _set_page(document: Any) -> None:
    section = document.sections[0]
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin, section.bottom_margin = Cm(2), Cm(2)
    section.left_margin, section.right_margin = Cm(3), Cm(1.5)
    # The number of the page stands in the middle above the text, and not on the first page.
    section.different_first_page_header_footer = True
    paragraph = section.header.paragraphs[0]
    paragraph.alignment = CENTRE
    run = paragraph.add_run()
    for kind, text in (("begin", None), (None, "PAGE"), ("end", None)):
        element = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            element.set(qn("w:fldCharType"), kind)
        else:
            element.text = text
        run._r.append(element)


def _set_font(document: Any) -> None:
    style = document.styles["Normal"]
    style.font.name, style.font.size = FONT, BODY
    for name in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        style.element.rPr.rFonts.set(qn(name), FONT)
    style.paragraph_format.space_after = Pt(0)


def _head(document: Any, texts: dict[str, Any]) -> None:
    """Who issues it on the left, the country and its motto on the right; below them number, place and date."""
    table = document.add_table(rows=1, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    _set_widths(table, (6.5, 10))
    left, right = table.rows[0].cells
    first = left.paragraphs[0]
    _write(first, "{{ authority | upper }}", align=CENTRE, size=Pt(13))
    _write(left.add_paragraph(), "{{ department | upper }}", align=CENTRE, bold=True, size=Pt(13))
    _write(left.add_paragraph(), "―――――", align=CENTRE, size=Pt(8))
    _write(left.add_paragraph(), f"{texts['number']}: {{{{ number }}}}", align=CENTRE, size=Pt(13))
    _write(right.paragraphs[0], texts["country"], align=CENTRE, bold=True, size=Pt(13))
    _write(right.add_paragraph(), texts["motto"], align=CENTRE, bold=True, size=BODY)
    _write(right.add_paragraph(), "――――――――――――――", align=CENTRE, size=Pt(8))
    _write(right.add_paragraph(), "{{ place }}, {{ signed_on }}", align=CENTRE, italic=True, size=BODY)


def _foot(document: Any, texts: dict[str, Any]) -> None:
    document.add_paragraph()
    table = document.add_table(rows=1, cols=2)
    table.autofit = False
    _set_widths(table, (8, 8.5))
    left, right = table.rows[0].cells
    _write(left.paragraphs[0], texts["recipients"], bold=True, italic=True, size=SMALL)
    for tag in ("{%p for r in recipients %}", "- {{ r }};", "{%p endfor %}"):
        _write(left.add_paragraph(), tag, size=Pt(11))
    _write(right.paragraphs[0], "{{ signer_title }}", align=CENTRE, bold=True)
    for _ in range(4):
        right.add_paragraph()
    _write(right.add_paragraph(), "{{ signer }}", align=CENTRE, bold=True)


def _table(document: Any, rows: str, header: Sequence[str], cells: Sequence[str], widths: Sequence[float]) -> None:
    """A table whose second row is repeated for each of `rows`; its header stands on every page."""
    table = document.add_table(rows=4, cols=len(header))
    table.style = "Table Grid"
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _set_widths(table, widths)
    for number, (title, name) in enumerate(zip(header, cells, strict=True)):
        _write(table.rows[0].cells[number].paragraphs[0], title, align=CENTRE, bold=True, size=CELL)
        align = None if name in _TEXTUAL else CENTRE
        _write(table.rows[2].cells[number].paragraphs[0], f"{{{{ r.{name} }}}}", align=align, size=CELL)
    _write(table.rows[1].cells[0].paragraphs[0], f"{{%tr for r in {rows} %}}", size=CELL)
    _write(table.rows[3].cells[0].paragraphs[0], "{%tr endfor %}", size=CELL)
    repeated = table.rows[0]._tr.get_or_add_trPr()
    repeated.append(OxmlElement("w:tblHeader"))
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _set_widths(table: Any, widths: Sequence[float]) -> None:
    """Of the columns and of every cell: Word looks at the one, LibreOffice at the other."""
    for number, width in enumerate(widths):
        table.columns[number].width = Cm(width)
        for row in table.rows:
            row.cells[number].width = Cm(width)


def _heading(document: Any, text: str) -> None:
    paragraph = document.add_paragraph()
    _write(paragraph, text, bold=True, before=10, after=4)
    paragraph.paragraph_format.keep_with_next = True


def _paragraph(document: Any, text: str) -> None:
    paragraph = document.add_paragraph()
    _write(paragraph, text, align=BOTH, after=4)
    paragraph.paragraph_format.first_line_indent = Cm(1.27)


def _line(document: Any, text: str, **form: Any) -> None:
    _write(document.add_paragraph(), text, **form)


def _write(
    paragraph: Any, text: str, *, align: Any = None, bold: bool = False, italic: bool = False, size: Any = None,
    before: float = 0, after: float = 0,
) -> None:  # fmt: skip
    run = paragraph.add_run(text)
    run.bold, run.italic = bold or None, italic or None
    if size is not None:
        run.font.size = size
    if align is not None:
        paragraph.alignment = align
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(before), Pt(after)
