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
    assert (code, len(list((tmp_path / "keys").glob("*.key")))) == (0, 7)
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
        (("verify",), "no repository is there: it has no metadata/1.root.json"),
        (("withdraw", "1"), "no repository is there"),
        (("keys", "trust", "--output=x"), "no repository is there"),
        (("keys", "--keys=repository/keys"), "would lie in the repository"),
        (("keys", "trust"), "--output: missing"),
        (("refresh", "--keys="), "--keys=: it names no folder"),
        (("keys", "audience", "--keys=/dev/null/keys"), "not a directory"),
        (("keys", "signing", "--keys=/proc/keys"), "/proc/keys"),
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
    assert (code, "nothing says it, and nobody can be asked" in said) == (1, True)
    assert run("refresh", f"--passphrase_fd={piped(b'correct horse')}")[0] == 0
    for content in (b"", b"\n", bytes(5000)):
        code, said = run("refresh", f"--passphrase_fd={piped(content)}")
        assert (code, "expected a passphrase of 1 to 4,096 bytes" in said) == (1, True)
    assert run("refresh", "--passphrase_fd=x")[1].startswith("--passphrase_fd=x: expected file")
    assert "2 file descriptors for 1 folders" in run("refresh", "--passphrase_fd=3,4")[1]


def piped(passphrase):
    read, write = os.pipe()
    os.write(write, passphrase + b"\n")
    os.close(write)
    return read


@pytest.fixture
def sticks(run, tmp_path, monkeypatch):
    """Two of root's keys with two people, each with a passphrase of their own."""
    run("keys")
    for number, path in enumerate(sorted((tmp_path / "keys").glob("root-*.key"))[:2], 1):
        stick = tmp_path / f"stick{number}"
        stick.mkdir()
        path.rename(stick / path.name)
        monkeypatch.setenv("TFEDGE_NEW_PASSPHRASE", f"of person {number} \udcff")
        assert run("keys", "passphrase", f"--keys=stick{number}")[0] == 0
        assert run("keys", "passphrase", f"--keys=stick{number}")[0] == 0  # as after a kill
    monkeypatch.delenv("TFEDGE_NEW_PASSPHRASE")
    for path in (tmp_path / "keys").glob("root-*.key"):
        path.unlink()
    return "--keys=keys,stick1,stick2"


def test_two_people_have_two_passphrases_in_the_environment(run, sticks, monkeypatch):
    code, said = run("keys", "renew", sticks)
    assert (code, "/stick" in said, "passphrase does not open it" in said) == (1, True, True)
    monkeypatch.setenv("TFEDGE_PASSPHRASE_2", "of person 1 \udcff\n")
    monkeypatch.setenv("TFEDGE_PASSPHRASE_3", "of person 2 \udcff")
    assert run("keys", "renew", sticks)[1].strip() == "root 2 is in place"


def test_two_people_have_two_passphrases_in_file_descriptors(run, sticks):
    given = (b"correct horse", b"of person 1 \xff", b"of person 2 \xff")
    descriptors = ",".join(str(piped(each)) for each in given)
    code, said = run("keys", "renew", sticks, f"--passphrase_fd={descriptors}")
    assert (code, said.strip()) == (0, "root 2 is in place")


def test_a_slip_in_the_passphrase_makes_no_key_that_nobody_can_open(run, tmp_path, monkeypatch):
    run("keys")
    before = sorted((tmp_path / "keys").iterdir())
    monkeypatch.setenv("TFEDGE_PASSPHRASE", "corect horse")
    for words in (("rotate", "--role=targets"), ("audience", "--name=partner")):
        code, said = run("keys", *words)
        assert (code, "passphrase does not open it" in said) == (1, True)
    assert sorted((tmp_path / "keys").iterdir()) == before


def test_keys_of_one_repository_are_not_taken_for_another(run, tmp_path):
    run("keys")
    code, said = run("keys", "--repository=second")
    assert (code, f"keys here are those of {tmp_path}/repository" in said) == (1, True)
    (tmp_path / "keys" / "repository.json").unlink()
    code, said = run("keys", "--repository=second")
    assert (code, "no repository.json says of which" in said) == (1, True)
    assert not (tmp_path / "second").exists()


def test_another_repositorys_audience_is_refused_with_and_without_a_note(run, tmp_path):
    run("keys")
    run("keys", "--repository=second", "--keys=others")
    foreign = "--keys=others,keys"
    code, said = run("keys", "trust", "--output=trust.json", foreign)
    assert (code, f"it is a key of {tmp_path}/second" in said) == (1, True)
    code, said = run("add", "release", foreign)
    assert (code, f"it is a key of {tmp_path}/second" in said) == (1, True)
    assert run("add", "release")[0] == 0
    (tmp_path / "others" / "repository.json").unlink()
    for words in (("keys", "trust", "--output=trust.json"), ("add", "release", "--rollout=5%")):
        code, said = run(*words, foreign)
        assert (code, "it does not open m/1.sealed, which is for app" in said) == (1, True)
    assert not (tmp_path / "trust.json").exists()


def test_a_lost_audience_is_written_back_from_what_the_app_has(run, tmp_path):
    run("keys")
    run("add", "release")
    run("keys", "trust", "--output=trust.json")
    (tmp_path / "keys" / "audience-app.key").unlink()
    assert run("keys", "audience", "--trust=trust.json")[0] == 0
    assert run("add", "release", "--rollout=5%")[0] == 0
    assert "it has a key" in run("keys", "audience", "--trust=trust.json")[1]


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
