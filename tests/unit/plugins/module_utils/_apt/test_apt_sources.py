"""apt's lists: which sources keep apt from working, and how each is set aside and given back."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._apt import plan as planning
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.apt import Apt
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.setting_aside import MARK
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import read_all
from ansible_collections.whisperops.gpu.plugins.module_utils._system import run_command
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

TOOLKIT = "https://nvidia.github.io/libnvidia-container/stable/deb/amd64"
WEB_PAGE = "<html>\n<head><title>404 Not Found</title></head>\n\n<body>nginx</body>\n</html>\n"
# deb822 with the key itself in it, as the role writes it.
OURS = f"""X-Repolib-Name: whisperops-nvidia-container-toolkit
Types: deb
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEaQ8mPRYJKwYBBAHaRw8BAQdA
 -----END PGP PUBLIC KEY BLOCK-----
Suites: /
URIs: {TOOLKIT}
"""
# What apt 2.6.1 said, with LC_ALL=C: indextargets of a list with a typing error, and update from one source.
MALFORMED = (
    "W: Unable to read {main} - RealFileExists (2: No such file or directory)\n"
    "E: Type 'dep' is not known on line 1 in source list {file}\n"
    "E: The list of sources could not be read.\n"
)
CONFLICT = (
    "E: Conflicting values set for option Signed-By regarding source"
    " https://nvidia.github.io/libnvidia-container/stable/deb/amd64/ /: /etc/apt/keyrings/one.gpg != \n"
    "E: The list of sources could not be read.\n"
)
NO_ANSWER = (
    "W: Failed to fetch http://127.0.0.1:9/linux/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:9"
    " (127.0.0.1). - connect (111: Connection refused)\n"
    "W: Some index files failed to download. They have been ignored, or old ones used instead.\n"
)
TRUSTED = (
    "W: GPG error: http://deb.example.org/docker-ce/linux/debian trixie InRelease: The following signatures couldn't be"
    " verified because the public key is not available: NO_PUBKEY 0123456789ABCDEF\n"
)
NO_RELEASE = (
    "E: The repository 'https://download.docker.com/linux/debian nosuch Release' does not have a Release file.\n"
    "N: Updating from such a repository can't be done securely, and is therefore disabled by default.\n"
)


class Host:
    """apt's directory of lists; apt itself answers what it is told to answer."""

    def __init__(self, directory):
        self.directory = directory
        self.main = directory / "sources.list"
        self.parts = directory / "sources.list.d"
        self.parts.mkdir()
        self.keyring = directory / "vendor.gpg"
        self.keyring.write_bytes(b"\x98\x33\x04")
        self.main.write_text("deb http://deb.example.org/debian trixie main\n")
        # What it says of lists with different keys for one repository, as apt 2.6 and not 3.0 does.
        self.conflict = CONFLICT
        self.updates = {}
        self.asked = []

    def write(self, name, text):
        path = self.main if name == "sources.list" else self.parts / name
        path.write_text(text)
        return str(path)

    def run(self, arguments):
        self.asked.append(arguments[-1])
        parts = _option(arguments, "sourceparts")
        if arguments[-1] == "indextargets":
            keys = {}
            for source in [it for file in read_all("/nonexistent", parts, "amd64") for it in file.sources]:
                keys.setdefault(source.uris[0].rstrip("/") + source.suites[0], set()).add(source.signed_by)
            differ = any(len(named) > 1 for named in keys.values())
            return Result(100, "", self.conflict) if differ and self.conflict else Result(0, "", "")
        (shown,) = read_all("/nonexistent", parts, "amd64")
        return next((said for word, said in self.updates.items() if word in "".join(shown.lines)), Result(0, "", ""))

    def files(self):
        return read_all(str(self.main), str(self.parts), "amd64")

    def plan(self, *added):
        return planning.plan(self.files(), str(self.main), Apt("/usr/bin/apt-get", self.run), added)

    def reasons(self, *added):
        return [fault.message.replace(f"{self.parts}/", "") for fault in self.plan(*added).set_aside]


def _option(arguments, name):
    return next(it.partition("=")[2] for it in arguments if it.startswith(f"Dir::Etc::{name}="))


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("tools.list", WEB_PAGE, "tools.list, lines 1-5: a web page, not a list"),
        ("tools.sources", WEB_PAGE, "tools.sources, lines 1-5: a web page, not a list"),
        ("tools.list", "404: Not Found", "tools.list, line 1: a web page, not a list"),
        (
            "any.list",
            f"# from a wiki\ndeb [arch=amd64 signed-by=/gone/keys/nvidia.gpg] {TOOLKIT} /\n",
            "any.list, line 2: its keyring /gone/keys/nvidia.gpg is not there",
        ),
        (
            "docker.sources",
            "Enabled: yes\nTypes: deb\nURIs: https://download.docker.com/linux/debian\n# soon\nSuites: trixie\n"
            "Components: stable\nSigned-By: /gone/docker.asc\n",
            "docker.sources, lines 1-7: its keyring /gone/docker.asc is not there",
        ),
        (
            "cuda.list",
            "deb [trusted=yes] file:///var/cuda-repo-debian12-12-4-local /\n",
            "cuda.list, line 1: the directory /var/cuda-repo-debian12-12-4-local is not there",
        ),
    ],
)
def test_what_no_apt_can_use_is_set_aside(host, name, text, reason):
    host.write(name, text)
    assert host.reasons() == [reason]


@pytest.mark.parametrize(
    ("content", "why"), [(None, "is no file"), (b"", "is empty"), (b"<!DOCTYPE html>", "is a web page")]
)
def test_a_keyring_must_be_one(host, content, why):
    keyring = host.directory / "docker.asc"
    if content is None:
        keyring.mkdir()
    else:
        keyring.write_bytes(content)
    host.write("a.list", f"deb [signed-by={keyring}] https://download.docker.com/linux/debian trixie stable\n")
    assert host.reasons() == [f"a.list, line 1: its keyring {keyring} {why}"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty.list", ""),
        ("unsupported.list", "# Unsupported distribution!\n# See the project's page\n"),
        ("off.list", f"# deb [signed-by=/gone.gpg] {TOOLKIT} /\n"),
        ("off.sources", f"Enabled: no\nTypes: deb\nURIs: {TOOLKIT}\nSuites: /\nSigned-By: /gone.gpg\n"),
        ("trusted.list", f"deb [signed-by=/gone.gpg trusted=yes] {TOOLKIT} /\n"),
        ("fingerprint.list", f"deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] {TOOLKIT} /\n"),
        ("unread.list.save", WEB_PAGE),
        ("not read (1).list", WEB_PAGE),
        ("theirs.list", "deb [signed-by=/gone.gpg] https://packages.example.org/debian trixie main\n"),
        ("theirs.list", "deb file:///srv/gone trixie main\n"),
        # Another address in the same source is not ours to judge.
        (
            "both.sources",
            f"Types: deb\nURIs: {TOOLKIT} https://packages.example.org/\nSuites: /\nSigned-By: /gone.gpg\n",
        ),
        ("dir.list", None),
    ],
)
def test_all_else_stays(host, name, text):
    if text is None:
        (host.parts / name).mkdir()
    else:
        host.write(name, text)
    assert host.plan().files == host.files()
    assert host.asked[0] == "indextargets"


def test_a_line_of_the_main_list_goes_alone(host):
    before = host.main.read_text()
    host.write("sources.list", f"{before}deb [signed-by=/gone.gpg] {TOOLKIT} / # by hand\n")
    (main,) = host.plan().files
    assert main.content.decode() == f"{before}{MARK}deb [signed-by=/gone.gpg] {TOOLKIT} / # by hand\n"


@pytest.mark.parametrize("text", [WEB_PAGE, WEB_PAGE.rstrip("\n"), WEB_PAGE.replace("\n", "\r\n"), "<p>\xe9\n"])
def test_what_was_set_aside_comes_back_byte_for_byte(host, text):
    (host.parts / "a.list").write_bytes(text.encode("latin-1"))
    before = host.files()
    planned = host.plan()
    assert planned.files[1].content.count(MARK.encode()) == len(text.splitlines())
    assert not planned.files[1].sources
    assert planning.restore(planned.files, []).files == before
    assert before[1].content == text.encode("latin-1")


def test_only_the_named_lists_come_back(host):
    first, second = host.write("a.list", WEB_PAGE), host.write("b.list", WEB_PAGE)
    before = {file.path: file for file in host.files()}
    restored = {file.path: file for file in planning.restore(host.plan().files, [second]).files}
    assert restored[first] != before[first]
    assert restored[second] == before[second]


# --- keys that differ -----------------------------------------------------------------------------------------------


def test_of_two_sources_with_different_keys_one_with_a_key_stays(host):
    host.write("a.list", f"deb [signed-by={host.keyring}] {TOOLKIT} /\n")
    host.write("b.list", f"deb {TOOLKIT}/ /\n")
    (reason,) = host.reasons()
    assert reason == "b.list, line 1: its key is not the one that a.list, line 1 names for the same repository"


def test_where_apt_does_not_mind_both_stay(host):
    host.write("a.list", f"deb [signed-by={host.keyring}] {TOOLKIT} /\n")
    host.write("b.list", f"deb {TOOLKIT}/ /\n")
    host.conflict = ""
    assert host.reasons() == []


def test_a_conflict_of_others_is_refused(host):
    for name, key in (("a.list", "/one.gpg"), ("b.list", "/other.gpg")):
        host.write(name, f"deb [signed-by={key}] https://packages.example.org/debian trixie main\n")
    with pytest.raises(planning.AptSourcesError, match=r"^apt_sources_unreadable: .*Conflicting values"):
        host.plan()


@pytest.mark.parametrize("address", [TOOLKIT, f"{TOOLKIT}/", TOOLKIT.replace("amd64", "$(ARCH)")])
def test_another_source_of_what_is_added_is_set_aside(host, address):
    host.write("a.list", f"deb [signed-by={host.keyring}] {address} /\n")
    host.write("whisperops-nvidia-container-toolkit.sources", OURS)
    assert len(host.reasons(TOOLKIT)) == 1
    host.write("whisperops-nvidia-container-toolkit.sources", "")
    assert host.reasons(TOOLKIT) == ["a.list, line 1: another source of the repository that is added with its own key"]
    assert host.reasons("https://mirror.example.net/libnvidia-container/stable/deb/amd64") == []


def test_next_to_ours_theirs_goes_and_comes_back_only_without_it(host):
    theirs = host.write("a.list", f"deb [signed-by={host.keyring}] {TOOLKIT} /\n")
    ours = host.write("whisperops-nvidia-container-toolkit.sources", OURS)
    before = host.files()
    planned = host.plan()
    assert [fault.path for fault in planned.set_aside] == [theirs]
    assert planning.restore(planned.files, []).files == planned.files
    without = [file for file in planned.files if file.path != ours]
    assert planning.restore(without, []).files == [file for file in before if file.path != ours]


# --- what apt says --------------------------------------------------------------------------------------------------


def test_lists_that_apt_cannot_read_are_refused_in_its_words(host):
    path = host.write("mine.list", "dep http://deb.example.org/debian trixie main\n")
    host.run = lambda arguments: Result(
        100, "", MALFORMED.format(main="/x", file=_option(arguments, "sourceparts") + "/mine.list")
    )
    with pytest.raises(planning.AptSourcesError, match=r"^apt_sources_unreadable: ") as error:
        host.plan()
    assert f"package sources: Type 'dep' is not known on line 1 in source list {path}. Nothing was" in str(error.value)


def test_a_source_that_apt_refuses_is_refused_with_the_command_that_takes_it_out(host):
    text = (
        "Types: deb\nURIs: https://user:secret@download.docker.com/linux/debian\nSuites: nosuch\nComponents: stable\n"
    )
    path = host.write("docker-ce.list", "deb https://download.docker.com/linux/debian nosuch stable\n")
    host.write("docker.sources", text)
    host.updates = {"nosuch": Result(100, "", NO_RELEASE)}
    with pytest.raises(planning.AptSourcesError, match=r"^apt_source_unusable: ") as error:
        host.plan()
    assert f"{path}, line 1 (https://download" in str(error.value)
    assert "does not have a Release file. Nothing was changed." in str(error.value)
    assert str(error.value).endswith(f"sed -i '1,1s/^/# /' {path}")
    host.write("docker-ce.list", "")
    with pytest.raises(planning.AptSourcesError, match=r"lines 1-4 \(https://\*+@download") as error:
        host.plan()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("said", [Result(0, "", NO_ANSWER), Result(None, "", "no answer within 60 seconds")])
def test_so_is_one_whose_server_does_not_answer(host, said):
    host.write("docker.list", "deb http://127.0.0.1:9/docker-ce/linux/debian trixie stable\n")
    host.updates = {"linux": said}
    with pytest.raises(planning.AptSourcesError, match=r"^apt_source_unusable: .*(111: Connection|no answer within)"):
        host.plan()


def test_a_key_that_is_not_needed_is_not_missed(host):
    host.write("docker.list", "deb [trusted=yes] http://deb.example.org/docker-ce/linux/debian trixie stable\n")
    host.updates = {"linux": Result(0, "", TRUSTED)}
    assert host.reasons() == []


def test_of_the_toolkit_it_is_set_aside(host):
    host.write("a.list", f"deb {TOOLKIT} /\n")
    host.write("b.list", "deb http://127.0.0.1:9/nvidia-docker/ubuntu18.04/amd64 /\n")
    host.updates = {TOOLKIT: Result(100, "", NO_RELEASE), "ubuntu18.04": Result(0, "", NO_ANSWER)}
    first, second = host.reasons()
    assert first.startswith("a.list, line 1: apt says: The repository ")
    assert second.startswith("b.list, line 1: apt says: Failed to fetch http://127.0.0.1:9/")


# --- the real apt ---------------------------------------------------------------------------------------------------

REAL = shutil.which("apt-get")


@pytest.mark.skipif(REAL is None, reason="no apt here")
class TestWithApt:
    def plan(self, host, *added):
        return planning.plan(host.files(), str(host.main), Apt(REAL, run_command.run), added)

    def test_it_reads_what_is_left_of_lists_that_it_could_not_read(self, host):
        host.write("sources.list", "deb http://127.0.0.1:9/debian trixie main\n")
        host.write("page.list", WEB_PAGE)
        host.write("page.sources", WEB_PAGE)
        host.write(
            "a.list", f"deb [signed-by={host.keyring}] http://127.0.0.1:9/libnvidia-container/stable/deb/amd64 /\n"
        )
        host.write("b.list", "deb http://127.0.0.1:9/libnvidia-container/stable/deb/amd64/ /\n")
        apt = Apt(REAL, run_command.run)
        assert "page.list" in apt.read(host.files()[3:4], str(host.main)).said
        planned = self.plan(host)
        assert {fault.path.rpartition("/")[2] for fault in planned.set_aside} == {
            "a.list",
            "b.list",
            "page.list",
            "page.sources",
        }
        assert apt.read(planned.files, str(host.main)) == (False, None)

    def test_it_refuses_different_keys(self, host):
        other = host.directory / "other.gpg"
        other.write_bytes(host.keyring.read_bytes())
        host.write("a.list", f"deb [signed-by={host.keyring}] {TOOLKIT} /\n")
        host.write("b.list", f"deb [signed-by={other}] {TOOLKIT.replace('amd64', '$(ARCH)')}/ /\n")
        files = read_all(str(host.main), str(host.parts), Apt(REAL, run_command.run).settings().architecture)
        assert Apt(REAL, run_command.run).read(files, str(host.main)).conflicting == (files[0].architecture == "amd64")

    def test_it_says_of_a_trusted_repository_whether_it_is_there(self, host):
        repository = host.directory / "docker-ce" / "linux" / "debian"
        repository.mkdir(parents=True)
        (repository / "Packages").write_text("", encoding="utf-8")
        host.write("there.list", f"deb [trusted=yes] file:{repository} ./\n")
        assert self.plan(host).set_aside == []
        host.write("away.list", f"deb [trusted=yes] file:{repository} nosuch stable\n")
        with pytest.raises(planning.AptSourcesError, match=r"^apt_source_unusable: .*away.list, line 1 .*nosuch"):
            self.plan(host)

    def test_it_says_where_a_list_is_wrong(self, host):
        path = host.write("mine.list", "deb http://127.0.0.1:9/debian\n")
        with pytest.raises(planning.AptSourcesError, match=r"^apt_sources_unreadable: .*Malformed entry 1") as error:
            self.plan(host)
        assert path in str(error.value)

    def test_it_says_what_keeps_it_from_a_source(self, host):
        host.write("sources.list", "")
        host.write("away.list", "deb http://127.0.0.1:9/docker-ce/linux/debian trixie stable\n")
        with pytest.raises(planning.AptSourcesError, match=r"^apt_source_unusable: .*Failed to fetch.*127\.0\.0\.1:9"):
            self.plan(host)
        repository = host.directory / "docker-ce" / "linux" / "debian"
        repository.mkdir(parents=True)
        host.write("away.list", f"deb file:{repository} trixie stable\n")
        with pytest.raises(planning.AptSourcesError, match=r"^apt_source_unusable: .*does not have a Release file"):
            self.plan(host)

    def test_it_is_asked_where_its_lists_are(self):
        settings = Apt(REAL, run_command.run).settings()
        assert settings.main.endswith("/sources.list")
        assert settings.directory.endswith("/sources.list.d/")
        assert settings.architecture
