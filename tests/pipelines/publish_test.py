import os
import pathlib
import sys

import pytest
from tfedge_pipelines import publish
from tfedge_pipelines.publishing import add

from tfedge import errors
from tfedge.delivery import at_rest, offering, trust, trusted
from tfedge.delivery.offering import Offered


@pytest.fixture(autouse=True)
def _place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(at_rest, "COST", 1 << 4)
    monkeypatch.setattr(offering, "read", lambda *_, **__: Offered("m", b"a model", b"x"))
    monkeypatch.setenv("TFEDGE_PASSPHRASE", "correct horse")


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        for step in map(publish._module, publish.steps()):  # a process parses its line once
            for name in step.FLAGS:
                step.FLAGS[name].unparse()
        monkeypatch.setattr(sys, "argv", ["publish.py", *words])
        with pytest.raises(SystemExit) as ended:
            publish.run()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return call


def test_from_keys_to_a_withdrawn_version(run, tmp_path):
    code, said = run("keys")
    assert (code, len(list((tmp_path / "keys").iterdir()))) == (0, 7)
    assert "move root-*.key" in said
    code, said = run("add", "release", "--rollout=12.5%")
    assert (code, said.splitlines()[-1].endswith("is in stable for 12.5%")) == (0, True)
    assert run("add", "release")[1].strip() == "m 1 was in stable for 12.5% already"
    assert run("refresh", "--days=2")[1].strip() == "good for 2 days, root for 365"
    assert run("withdraw", "1")[1].strip() == "m 1 is withdrawn in stable"
    assert run("withdraw", "1", "--undo")[1].strip() == "m 1 is offered again in stable"
    code, said = run("keys", "rotate", "--role=targets")
    assert (code, "root 2 is in place" in said, "nothing trusts targets-" in said) == (
        0,
        True,
        True,
    )
    code, said = run("keys", "trust", "--output=app/trust.json")
    told = trust.read(pathlib.Path("app/trust.json").read_bytes(), "x")
    assert trusted.parse(told.root, tmp_path).signed.version == 2
    assert oct(pathlib.Path("app/trust.json").stat().st_mode & 0o777) == "0o600"
    said = "--output=app: is a directory. Name another file.\n"
    assert run("keys", "trust", "--output=app") == (1, said)


def test_what_is_verified_is_told_in_lines(run):
    run("keys")
    code, said = run("verify")
    assert (code, said.count("ok  ")) == (0, 4)
    pathlib.Path("repository/targets").mkdir()
    pathlib.Path("repository/targets/a.key").touch()
    code, said = run("verify", "--keys=")
    assert (code, "BAD  targets/a.key" in said, "1 of 5 do not hold" in said) == (1, True, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("refresh", "--days=3000000"),
            "--days=3000000: expected an integer in the range [1, 365]",
        ),
        (("keys", "--root_keys=101"), "--root_keys=101: expected an integer in the range [1, 100]"),
        (("keys", "--threshold=4"), "4 of 3 keys cannot sign. Write a number from 1 to 3."),
        (("verify", "--keys=kyes"), "--keys=kyes: no such folder. Name one"),
        (("verfy",), "Did you mean 'verify'?"),
        (("keys", "rotat"), "Did you mean 'rotate'?"),
        (("keys", "rotate"), "--role: expected one of root, targets, snapshot, timestamp"),
        (("add",), "--release: missing"),
        (("add", "release", "--rollout=0.05"), "--rollout=0.05: expected a percentage"),
        (("add", "release", "--channel=Stable"), "--channel=Stable: expected small letters"),
        (("withdraw",), "--version_number: missing"),
        (("refresh",), "no repository is there"),
        (("keys", "--keys=repository/keys"), "would lie in the repository"),
        (("keys", "trust"), "--output: missing"),
    ],
)
def test_wrong_words_are_one_line(run, words, said):
    code, told = run(*words)
    assert (code, said in told, len(told.splitlines())) == (1, True, 1)


def test_the_passphrase_comes_by_a_file_descriptor_or_not_at_all(run, monkeypatch):
    run("keys")
    monkeypatch.delenv("TFEDGE_PASSPHRASE")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    code, said = run("refresh")
    assert (code, "need a passphrase" in said) == (1, True)
    read, write = os.pipe()
    os.write(write, b"correct horse\n")
    os.close(write)
    assert run("refresh", f"--passphrase_fd={read}")[0] == 0


@pytest.mark.parametrize(
    ("text", "parts"), [("5%", 500), ("0.01%", 1), ("100%", 10_000), ("0%", 0), (None, None)]
)
def test_shares_are_read(text, parts):
    assert add._parts(text) == parts


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "%", "nan%", "0.001%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(errors.BadInput, match="expected a percentage"):
        add._parts(text)


def test_the_help_of_all_names_the_flags_of_each(run):
    code, said = run("--help")
    assert code == 0
    for word in ("--rollout", "--threshold", "--undo", "--days", "add:", "verify:"):
        assert word in said
