"""The catalogues that translators edit, the command line's help in both languages, and the words of the reports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
import pytest
import typer
import yaml
from typer import rich_utils
from typer.main import get_command

import exporters.reports
from api.catalogues import HELP, LANGUAGES, catalogue_path, read_catalogue
from api.cli import app
from api.helping import FIXED, USAGE, commands, help_language, speak
from api.misuse import is_misuse

TRANSLATED = [language for language in LANGUAGES if language != "en"]
OFFICIAL = Path(exporters.reports.__file__).with_name("official.yaml")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_CODE = re.compile(
    r"\bdophu(?: [a-z]+)+|--[a-z][\w-]*|/[a-z]\w*(?:/\w+)*|\b(?!CNTT)[A-Z][A-Z_-]{3,}\b|\b\w+\.\w[\w.]*\b"
    r"|\{[^}]*\}|\[(?=[:/T])[^\]]*\]|\d[\d-]+"
)
"""What stays as it is in every language: options, paths, names of settings, examples, placeholders, markup."""


def _helps() -> Iterator[str]:
    """Every text of the help of the whole command line, in English."""
    for command in commands(get_command(app)):
        for said in (command, *command.get_params(typer.Context(command))):
            yield from filter(None, (getattr(said, name, None) for name in ("help", "short_help", "epilog")))
    yield USAGE
    yield from (getattr(rich_utils, name) for name in FIXED)


# Read before any test lets the help be said in Vietnamese in this process.
TEXTS = frozenset(_helps())


def _texts(language: str) -> list[polib.POEntry]:
    return list(polib.pofile(str(catalogue_path(language)), encoding="utf-8", check_for_duplicates=True))


# --- the catalogues ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_well_formed_and_whole(language: str) -> None:
    entries = _texts(language)
    assert len(entries) > 400
    assert [entry.msgid for entry in entries if entry.fuzzy or entry.obsolete or not entry.msgstr.strip()] == []
    text = catalogue_path(language).read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert f'"Language: {language}\\n"' in text


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="msgfmt (gettext) is not here")
@pytest.mark.parametrize("language", LANGUAGES)
def test_gettext_itself_accepts_a_catalogue(language: str, tmp_path: Path) -> None:
    command = ["msgfmt", "--check", "--output-file", str(tmp_path / "dophu.mo"), str(catalogue_path(language))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_not_translated_or_in_doubt_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "dophu.po").write_text(
        'msgid "proven"\nmsgstr "Prouvé"\n\n#, fuzzy\nmsgid "possible"\nmsgstr "Possible"\n\nmsgid "met"\nmsgstr ""\n\n'
        'msgctxt "help"\nmsgid "Options"\nmsgstr "Choix"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr("api.catalogues.FOLDER", tmp_path)
    assert read_catalogue("fr") == {"proven": "Prouvé"}
    assert read_catalogue("fr", HELP) == {"Options": "Choix"}


# --- the help of the command line -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_help_is_translated_and_no_other(language: str) -> None:
    translated = read_catalogue(language, HELP)
    assert len(TEXTS) > 150
    assert sorted(TEXTS - translated.keys()) == []
    assert sorted(translated.keys() - TEXTS) == []


def test_the_help_stands_in_the_code_in_english() -> None:
    assert read_catalogue("en", HELP) == {}
    assert [text for text in TEXTS if not text.replace("…", "").isascii()] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_no_word_is_the_same_in_every_language(language: str) -> None:
    translated = read_catalogue(language, HELP)
    codes = {text: (sorted(_CODE.findall(text)), sorted(_CODE.findall(translated[text]))) for text in TEXTS}
    assert {text: both for text, both in codes.items() if both[0] != both[1]} == {}
    breaks = [text for text in TEXTS if text.count("\n\n") != translated[text].count("\n\n")]
    assert breaks == []


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi"}, "vi"),
        ({"LC_MESSAGES": "vi_VN", "LANG": "en_GB.UTF-8"}, "vi"),
        ({"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "vi_VN", "LANG": "vi_VN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "vi_VN.UTF-8"}, "vi"),
        ({"DOPHU_LANGUAGE": "en", "LC_ALL": "vi_VN.UTF-8"}, "en"),
        ({"DOPHU_LANGUAGE": "vi", "LC_ALL": "C"}, "vi"),
        ({"DOPHU_LANGUAGE": "fr", "LANG": "vi_VN.UTF-8"}, "vi"),
        ({"DOPHU_LANGUAGE": "../vi"}, "en"),
    ],
)
def test_the_setting_names_the_language_and_else_the_locale(environment: dict[str, str], language: str) -> None:
    assert help_language(environment) == language


def _run(language: str, *arguments: str) -> tuple[int, str]:
    """The status of a command, and all it printed as one line without the frames."""
    kept = {name: value for name, value in os.environ.items() if name not in ("LC_ALL", "LC_MESSAGES", "LANG")}
    done = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", *arguments],
        env={**kept, "DOPHU_LANGUAGE": language, "PYTHONIOENCODING": "utf-8", "COLUMNS": "160"},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    text = (done.stdout + done.stderr).decode()
    return done.returncode, " ".join(re.sub("[─-╿]", " ", text).split())


@pytest.mark.parametrize("arguments", [(), ("gaps",), ("import", "console"), ("waiver", "end"), ("verify",)])
def test_the_help_is_printed_in_the_language_that_is_set(arguments: tuple[str, ...]) -> None:
    texts: dict[str, Any] = {"vi": read_catalogue("vi", HELP), "en": {text: text for text in TEXTS}}
    at = next(c for c in commands(get_command(app)) if c.name == arguments[-1]) if arguments else get_command(app)
    for language, other in (("vi", "en"), ("en", "vi")):
        status, printed = _run(language, *arguments, "--help")
        assert status == 0
        for text in (at.help, USAGE, "Options", "Show this message and exit."):
            said, not_said = (" ".join(texts[one][text].split()) for one in (language, other))
            assert said in printed and not_said not in printed, (language, text)


def test_a_command_without_arguments_and_a_wrong_one_are_answered_in_the_language() -> None:
    status, printed = _run("vi", "waiver")
    assert status == 2 and "Cách dùng: " in printed and "Kết thúc miễn trừ trước ngày cuối" in printed
    status, printed = _run("vi", "coverage")
    assert status == 2 and "Xem '" in printed and "Thiếu tùy chọn '--plan'." in printed
    status, printed = _run("en", "coverage")
    assert status == 2 and "Try '" in printed and "Usage: " in printed and "Missing option '--plan'." in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("cover", "Không có lệnh 'cover'. Có phải là 'discover', 'coverage'?"),
        ("lines --fro", "Không có tùy chọn --fro. (Có thể là: --from, --to)"),
        ("lines extra", "Thừa tham số: extra"),
        ("coverage --plan", "Tùy chọn '--plan' cần một giá trị."),
        ("schedule run a --ask=1", "Tùy chọn '--ask' không nhận giá trị."),
        ("asset merge 1", "Thiếu tham số 'into'."),
        ("waiver end x", "Giá trị không hợp lệ cho 'number': cần số nguyên"),
        ("scan show 0", "Giá trị không hợp lệ cho 'number': cần từ 1 trở lên"),
        ("serve --port 99999", "Giá trị không hợp lệ cho '--port': cần không quá 65535"),
        ("probe x --timeout x", "Giá trị không hợp lệ cho '--timeout': cần một số"),
    ],
)
def test_each_way_to_write_a_command_wrongly_is_told_in_vietnamese(
    monkeypatch: pytest.MonkeyPatch, arguments: str, told: str
) -> None:
    monkeypatch.setenv("DOPHU_LANGUAGE", "vi")
    command: Any = get_command(app)
    speak(command)
    with pytest.raises(Exception) as refused:
        command.main(arguments.split(), prog_name="dophu", standalone_mode=False)
    assert is_misuse(refused.value)
    assert refused.value.format_message() == told  # type: ignore[attr-defined]


# --- the reports' usual form ------------------------------------------------------------------------------------------


def test_the_usual_form_has_the_same_words_and_tags_in_every_language() -> None:
    text = OFFICIAL.read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    forms = yaml.safe_load(text)
    assert {*forms} == {*LANGUAGES}
    en = forms["en"]
    assert [language for language in forms if list(forms[language]) != list(en)] == []
    for name, said in ((name, said) for language in TRANSLATED for name, said in forms[language].items()):
        assert type(said) is type(en[name]), name
        if isinstance(said, list):
            assert len(said) == len(en[name]), name
            assert all(isinstance(one, str) and one.strip() for one in (*said, *en[name])), name
        else:
            assert said.strip() and en[name].strip(), name
            assert sorted(_TAG.findall(said)) == sorted(_TAG.findall(en[name])), name
