"""Atomic writes leave the old file or the new one; fingerprints are pinned."""

import json

import pytest

from procmem.errors import UserError, unknown_name
from procmem.files import atomic_write, canonical_json, data_root, fingerprint, make_folder, read_json, write_json


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "value.txt"
    path.write_text("old")

    def write_and_fail():
        with atomic_write(path, "w") as file:
            file.write("half of the n")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_and_fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["value.txt"]


def test_a_write_replaces_the_file_with_ordinary_permissions(tmp_path):
    path = tmp_path / "new" / "value.json"
    write_json(path, {"b": 1, "a": [1.5, None]})
    assert json.loads(path.read_text()) == {"a": [1.5, None], "b": 1}
    plain = tmp_path / "plain"
    plain.write_text("")
    assert path.stat().st_mode == plain.stat().st_mode


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write in folder .*file"):
        make_folder(tmp_path / "file" / "folder")
    with pytest.raises(UserError, match=r"cannot write in folder .*file': it is a file$"):
        make_folder(tmp_path / "file")
    with pytest.raises(UserError, match=r"cannot write .*value"):
        write_json(tmp_path / "file" / "value.json", 1)


def test_bad_json_is_named(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError, match=r"bad\.json.* is not valid JSON"):
        read_json(tmp_path / "bad.json")
    with pytest.raises(UserError, match=r"cannot read .*none\.json"):
        read_json(tmp_path / "none.json")


def test_fingerprints_depend_on_content_not_on_order():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing
    assert canonical_json({"b": 1, "a": [1, "x"]}) == '{"a":[1,"x"],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_a_data_root_that_is_no_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"PROCMEM_DATA is .*nowhere"):
        data_root()
    monkeypatch.setenv("PROCMEM_DATA", str(tmp_path))
    assert data_root() == tmp_path.resolve()
    monkeypatch.delenv("PROCMEM_DATA")
    assert data_root() is None


def test_an_unknown_name_is_answered_with_the_nearest():
    message = str(unknown_name("process", "shader", ["shaders", "stylegan"]))
    assert message == "unknown process 'shader'; did you mean 'shaders'? valid: shaders, stylegan"
    assert "did you mean" not in str(unknown_name("process", "zzz", ["shaders"]))
    assert str(unknown_name("version", "v", [])) == "unknown version 'v'; there is none"
    many = [f"name{number:02d}" for number in range(41)]
    message = str(unknown_name("class", "name40x", many))
    assert "did you mean 'name40'" in message
    assert message.endswith("valid: " + ", ".join(many[:10]) + ", ... (41 in all)")
    assert str(unknown_name("class", "?", many[:40])).endswith("valid: " + ", ".join(many[:40]))
