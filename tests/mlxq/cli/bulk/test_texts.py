"""Texts out of files."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mlxq.cli.bulk.texts import Texts


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", "one\ntwo \r\n\n  \nthree", ["one", "two ", "three"]),
        ("a.txt", "\ufeffone\nzwei\u2028drei\n", ["one", "zwei\u2028drei"]),
        ("a.md", "one\n", ["one"]),
        ("a.csv", 'id,text\n1,one\n2,"two, ""2""\nlines"\n3,\n4\n', ["one", 'two, "2"\nlines', "", ""]),
        ("a.csv", "words\none\n", ["one"]),
        ("a.tsv", "id\ttext\n1\tone, two\n", ["one, two"]),
        ("a.jsonl", '{"text": "one"}\n\n"two"\n', ["one", "two"]),
    ],
)
def test_texts_come_in_order(name: str, content: str, told: list[str], tmp_path: Path) -> None:
    texts = Texts([written(tmp_path, name, content)])
    assert list(texts) == told
    assert list(texts) == told


def test_a_column_and_a_field_can_be_chosen(tmp_path: Path) -> None:
    assert list(Texts([written(tmp_path, "a.csv", "id,body\n1,one\n")], column="body")) == ["one"]
    assert list(Texts([written(tmp_path, "a.jsonl", '{"body": "one"}')], field="body")) == ["one"]


def test_files_follow_each_other_and_a_kind_can_be_told(tmp_path: Path) -> None:
    paths = [written(tmp_path, "b.data", '"one"\n'), written(tmp_path, "a.data", '"two"\n')]
    assert list(Texts(paths, kind="jsonl")) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "id,words\n1,one\n", "no column 'text'; give --column, one of id, words"),
        ("a.csv", "", "no column 'text'"),
        ("a.csv", 'text\n"one\n', "line 2"),
        ("a.jsonl", '{"text": "one"}\n{"text": 1}\n', "line 2 has no text in 'text'; --field"),
        ("a.jsonl", "one\n", "line 1 is not JSON"),
        ("a.txt", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(name: str, content: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(click.UsageError) as error:
        Texts([path]).survey()
    assert str(path) in str(error.value) and told in str(error.value)


def test_a_survey_counts_and_tells_texts_apart(tmp_path: Path) -> None:
    first = Texts([written(tmp_path, "a.csv", "text\none\n\ntwo,\n" + '""\n')]).survey()
    assert (first.texts, first.empty) == (3, 1)
    same = Texts([written(tmp_path, "b.jsonl", '"one"\n"two"\n""\n')]).survey()
    other = Texts([written(tmp_path, "c.jsonl", '"onet"\n"wo"\n""\n')]).survey()
    assert first == same and first.digest != other.digest
