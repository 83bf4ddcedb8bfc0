"""Fills a Word template in: its tags are Jinja's, in a sandbox, and a mistake is told with the text around it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from docx.shared import Cm
from docxtpl import DocxTemplate, InlineImage
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inventory.words import InputError, Title

__all__ = ["fill"]

_PICTURE = Cm(16.5)
"""As wide as the text of the usual form."""
_LARGEST, _INFLATED = 20 << 20, 200 << 20
"""Bytes of a template, and of what is in it."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox in which the picture can be placed and nothing else be asked of it: it knows the document, which can
    read and write files."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if type(obj).__module__.partition(".")[0] in ("docx", "docxtpl", "lxml"):
            return False
        return super().is_safe_attribute(obj, attr, value)


def fill(template: bytes, name: str, values: Mapping[str, Any]) -> bytes:
    """The document that a template makes of these values.

    Args:
        template: a .docx file. name: what people call it, for what is wrong with it.
        values: by the names that the tags use: texts, numbers, lists of such mappings, and pictures (PNG) as bytes.

    Raises:
        InputError: it is no Word document, a tag is broken, names what there is not, or tries what it may not.
    """
    _check(template, name)
    environment = _Sandbox(autoescape=True, undefined=StrictUndefined)
    document = DocxTemplate(io.BytesIO(template))
    given = {
        # A picture is told as the bytes of a PNG.
        key: InlineImage(document, io.BytesIO(value), width=_PICTURE) if isinstance(value, bytes) and value else value
        for key, value in values.items()
    }
    try:
        document.render(given, environment)
    except TemplateSyntaxError as error:
        around = " ".join(str(line).strip() for line in getattr(error, "docx_context", []))[:200]
        near = Title(f"gần {around!r}", f"near {around!r}")
        line = Title(f"dòng {error.lineno} của văn bản", f"line {error.lineno} of its text")
        where = near if around else line
        raise InputError(
            Title(
                f"{name}: gặp thẻ hỏng ({error.message}), {where.vi}",
                f"{name}: found a broken tag ({error.message}), {where.en}",
            )
        ) from None
    except TemplateError as error:
        # An unknown name, or something that the sandbox keeps from a template.
        raise InputError(
            Title(f"{name}: có thẻ không điền được: {error}", f"{name}: a tag cannot be filled in: {error}")
        ) from None
    except (TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError, OverflowError) as error:
        raise InputError(
            Title(
                f"{name}: có thẻ không điền được: {type(error).__name__}: {error}",
                f"{name}: a tag cannot be filled in: {type(error).__name__}: {error}",
            )
        ) from None
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def _check(template: bytes, name: str) -> None:
    if len(template) > _LARGEST:
        raise InputError(
            Title(
                f"{name}: gặp {len(template):,} byte, cần nhiều nhất {_LARGEST:,}",
                f"{name}: found {len(template):,} bytes, expected at most {_LARGEST:,}",
            )
        )
    try:
        with zipfile.ZipFile(io.BytesIO(template)) as parts:
            size = sum(part.file_size for part in parts.infolist())
            names = parts.namelist()
    except (zipfile.BadZipFile, NotImplementedError):
        raise InputError(
            Title(
                f"{name}: không phải tài liệu Word, cần tệp .docx",
                f"{name}: found no Word document, expected a .docx file",
            )
        ) from None
    if size > _INFLATED or "word/document.xml" not in names:
        raise InputError(
            Title(
                f"{name}: không phải tài liệu Word cỡ thông thường, cần tệp .docx",
                f"{name}: found no Word document of a usual size, expected a .docx file",
            )
        )
