"""What rlid writes to the terminal: through one place, which obeys nobody else's characters."""

import ast
import io
from pathlib import Path

import pytest

import rlid
from rlid.cli.terminal import one_line, say, say_table

PACKAGE = Path(rlid.__file__).parent
WRITERS = {"cli/terminal.py"}
"""The module that writes to the terminal."""
OF_JSON = {"cli/streams.py"}
"""Writes JSON in ASCII to a copy of standard output."""
PRINTING = {"print", "echo", "secho", "rich_print"}
STREAMS = {"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}
HOSTILE = ("\x1b[2J", "\x07", "\r", "\x9b31m", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028")


def writing_calls(source):
    """Return the calls of a module that write to the terminal by themselves."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in PRINTING:
            yield node.id
        elif isinstance(node, ast.Attribute):
            is_of_stream = ast.unparse(node.value) in STREAMS
            names = {"write", "writelines"} if is_of_stream else PRINTING
            if node.attr in names:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.write":
            target = ast.unparse(node.args[0])
            if target in {"1", "2"}:
                yield ast.unparse(node)


def test_the_search_for_writers_finds_each_kind():
    source = (
        "print(1)\nconsole.print(2)\ntyper.echo(3)\nsys.stderr.write('4')\nos.write(2, b'5')\n"
        "hear = print\n"
    )
    assert len(list(writing_calls(source))) == 6


@pytest.mark.parametrize("folder", [PACKAGE, PACKAGE.parent / "envs", PACKAGE.parent / "agents"])
def test_a_single_module_writes_to_the_terminal(folder):
    offences = [
        f"{path.relative_to(folder)}: {call}"
        for path in sorted(folder.rglob("*.py"))
        if path.relative_to(folder).as_posix() not in WRITERS | OF_JSON
        for call in writing_calls(path.read_text())
    ]
    assert offences == []


@pytest.mark.parametrize("character", HOSTILE)
def test_control_characters_are_written_as_their_escapes(character, capsys):
    say(f"a{character}b")
    say_table([("name", "left")], [[f"a{character}b"]])
    written = capsys.readouterr().out
    assert character not in written
    assert written.count("\\") == 2


def test_an_argument_is_a_single_line_whatever_it_holds(capsys):
    say("first\nforged line", "second", error=True)
    assert capsys.readouterr().err.splitlines() == ["first\\nforged line", "second"]


def test_letters_of_every_script_stay_as_they_are():
    text = "Größe · d ≤ 4 · 次元 · размерность · بعد"
    assert one_line(text) == text


def test_a_title_is_escaped_like_a_cell(capsys):
    say_table([("name", "left")], [["x"]], title="a\x1b[31mb")
    assert "\x1b" not in capsys.readouterr().out


class FakeTerminal(io.StringIO):
    def isatty(self):
        return True


def test_a_long_line_is_broken_between_words_on_a_terminal_alone(monkeypatch, capsys):
    words = "  reference: judged by a rather long sentence, and /a/path/that/must/stay/whole"
    terminal = FakeTerminal()
    with monkeypatch.context() as patched:
        patched.setenv("COLUMNS", "30")
        patched.setattr("sys.stdout", terminal)
        say(words)
    lines = terminal.getvalue().splitlines()
    assert len(lines) > 2
    assert " ".join(line.strip() for line in lines) == words.strip()
    assert all(line.startswith("  ") for line in lines)
    assert any(line.strip() == "/a/path/that/must/stay/whole" for line in lines)
    say(words)
    assert capsys.readouterr().out == f"{words}\n"
