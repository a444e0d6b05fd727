# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""whisper.cpp's published models: file, exact size, checksums and the pinned revision of the repository that has them.

Where the rows come from, looked up on 2026-11-25; no value is in the table that fewer than two of these have:

- SHA-256 and bytes of the 33 models of HUB: the hub's own list of the revision (public copies of 2026-09-17), whose id
  of each Git LFS pointer tests/fixtures/model_hub repeats and a unit test recomputes; VocaHQ/vocaphone,
  LocalModelCatalog.kt (32 of them, all but large-v1) and some eight other applications.
- SHA-1: the README of HUB at the revision, which as rebuilt from these rows has the blob id that the hub lists
  (bb0749e3c17cdf1d040a7e95fbf45610a212ec0a); for 16 of them models/README.md of whisper.cpp.
- small.en-tdrz: ayilinkou/Vibescriber, which pins the same revision, and six other applications. Its SHA-1 as above.
- The VAD models: more than eight applications, of which most pin the same revision. Nobody publishes a SHA-1.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden

_HUGGING_FACE = "https://huggingface.co"
HUB = f"{_HUGGING_FACE}/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1"
TDRZ_HUB = f"{_HUGGING_FACE}/akashmjn/tinydiarize-whisper.cpp/resolve/d44ba793fc67e509623a88a409723311fa677744"
VAD_HUB = f"{_HUGGING_FACE}/ggml-org/whisper-vad/resolve/9ffd54a1e1ee413ddf265af9913beaf518d1639b"

MIB = 1024 * 1024
# A file system's, without what a download puts around the name until the file is there.
_LONGEST_NAME_BYTES = 255 - len("..part")


class Model(NamedTuple):
    name: str
    bytes: int
    sha256: str
    sha1: str | None  # None where the project publishes none
    hub: str

    @property
    def file(self) -> str:
        return f"ggml-{self.name}.bin"

    @property
    def size_mib(self) -> int:
        """What it takes on a disk: rounded up."""
        return -(-self.bytes // MIB)

    def url(self, hub: str = HUB) -> str:
        """Where the file is. A mirror (any other hub) has all models in one directory."""
        base = self.hub if hub.rstrip("/") == HUB else hub.rstrip("/")
        return f"{base}/{self.file}"


# Name, bytes and SHA-256. With small.en-tdrz, which is below, these are the 30 models that whisper.cpp's
# models/download-ggml-model.sh names, and the four English q8_0 forms beside them.
_SPEECH = """
tiny                  77691713 be07e048e1e599ad46341c8d2a135645097a538221678b7acdd1b1919c6e1b21
tiny.en               77704715 921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f
tiny-q5_1             32152673 818710568da3ca15689e31a743197b520007872ff9576237bda97bd1b469c3d7
tiny.en-q5_1          32166155 c77c5766f1cef09b6b7d47f21b546cbddd4157886b3b5d6d4f709e91e66c7c2b
tiny-q8_0             43537433 c2085835d3f50733e2ff6e4b41ae8a2b8d8110461e18821b09a15c40c42d1cca
tiny.en-q8_0          43550795 5bc2b3860aa151a4c6e7bb095e1fcce7cf12c7b020ca08dcec0c6d018bb7dd94
base                 147951465 60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe
base.en              147964211 a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002
base-q5_1             59707625 422f1ae452ade6f30a004d7e5c6a43195e4433bc370bf23fac9cc591f01a8898
base.en-q5_1          59721011 4baf70dd0d7c4247ba2b81fafd9c01005ac77c2f9ef064e00dcf195d0e2fdd2f
base-q8_0             81768585 c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9
base.en-q8_0          81781811 a4d4a0768075e13cfd7e19df3ae2dbc4a68d37d36a7dad45e8410c9a34f8c87e
small                487601967 1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b
small.en             487614201 c6138d6d58ecc8322097e0f987c32f1be8bb0a18532a3f88f734d1bbf9c41e5d
small-q5_1           190085487 ae85e4a935d7a567bd102fe55afc16bb595bdb618e11b2fc7591bc08120411bb
small.en-q5_1        190098681 bfdff4894dcb76bbf647d56263ea2a96645423f1669176f4844a1bf8e478ad30
small-q8_0           264464607 49c8fb02b65e6049d5fa6c04f81f53b867b5ec9540406812c643f177317f779f
small.en-q8_0        264477561 67a179f608ea6114bd3fdb9060e762b588a3fb3bd00c4387971be4d177958067
medium              1533763059 6c14d5adee5f86394037b4e4e8b59f1673b6cee10e3cf0b11bbdbee79c156208
medium.en           1533774781 cc37e93478338ec7700281a7ac30a10128929eb8f427dda2e865faa8f6da4356
medium-q5_0          539212467 19fea4b380c3a618ec4723c3eef2eb785ffba0d0538cf43f8f235e7b3b34220f
medium.en-q5_0       539225533 76733e26ad8fe1c7a5bf7531a9d41917b2adc0f20f2e4f5531688a8c6cd88eb0
medium-q8_0          823369779 42a1ffcbe4167d224232443396968db4d02d4e8e87e213d3ee2e03095dea6502
medium.en-q8_0       823382461 43fa2cd084de5a04399a896a9a7a786064e221365c01700cea4666005218f11c
large-v1            3094623691 7d99f41a10525d0206bddadd86760181fa920438b6b33237e3118ff6c83bb53d
large-v2            3094623691 9a423fe4d40c82774b6af34115b8b935f34152246eb19e80e376071d3f999487
large-v2-q5_0       1080732091 3a214837221e4530dbc1fe8d734f302af393eb30bd0ed046042ebf4baf70f6f2
large-v2-q8_0       1656129691 fef54e6d898246a65c8285bfa83bd1807e27fadf54d5d4e81754c47634737e8c
large-v3            3095033483 64d182b440b98d5203c4f9bd541544d84c605196c4f7b845dfa11fb23594d1e2
large-v3-q5_0       1081140203 d75795ecff3f83b5faa89d1900604ad8c780abd5739fae406de19f23ecd98ad1
large-v3-turbo      1624555275 1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69
large-v3-turbo-q5_0  574041195 394221709cd5ad1f40c46e6031ca61bce88931e6e088c188294c6d5a55ffa7e2
large-v3-turbo-q8_0  874188075 317eb69c11673c9de1e1f0d459b253999804ec71ac4c23c17ecf5fbe24e259a1
"""
_TDRZ = """
small.en-tdrz        487614184 ceac3ec06d1d98ef71aec665283564631055fd6129b79d8e1be4f9cc33cc54b4
"""
# Those of models/download-vad-model.sh. They find speech; they do not transcribe, so that no plan serves one.
_VAD = """
silero-v5.1.2           885098 29940d98d42b91fbd05ce489f3ecf7c72f0a42f027e4875919a28fb4c04ea2cf
silero-v6.2.0           885098 2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987
"""
_SHA1 = """
tiny                bd577a113a864445d4c299885e0cb97d4ba92b5f
tiny.en             c78c86eb1a8faa21b369bcd33207cc90d64ae9df
tiny-q5_1           2827a03e495b1ed3048ef28a6a4620537db4ee51
tiny.en-q5_1        3fb92ec865cbbc769f08137f22470d6b66e071b6
tiny-q8_0           19e8118f6652a650569f5a949d962154e01571d9
tiny.en-q8_0        802d6668e7d411123e672abe4cb6c18f12306abb
base                465707469ff3a37a2b9b8d8f89f2f99de7299dac
base.en             137c40403d78fd54d454da0f9bd998f78703390c
base-q5_1           a3733eda680ef76256db5fc5dd9de8629e62c5e7
base.en-q5_1        d26d7ce5a1b6e57bea5d0431b9c20ae49423c94a
base-q8_0           7bb89bb49ed6955013b166f1b6a6c04584a20fbe
base.en-q8_0        bb1574182e9b924452bf0cd1510ac034d323e948
small               55356645c2b361a969dfd0ef2c5a50d530afd8d5
small.en            db8a495a91d927739e50b3fc1cc4c6b8f6c2d022
small.en-tdrz       b6c6e7e89af1a35c08e6de56b66ca6a02a2fdfa1
small-q5_1          6fe57ddcfdd1c6b07cdcc73aaf620810ce5fc771
small.en-q5_1       20f54878d608f94e4a8ee3ae56016571d47cba34
small-q8_0          bcad8a2083f4e53d648d586b7dbc0cd673d8afad
small.en-q8_0       9d75ff4ccfa0a8217870d7405cf8cef0a5579852
medium              fd9727b6e1217c2f614f9b698455c4ffd82463b4
medium.en           8c30f0e44ce9560643ebd10bbe50cd20eafd3723
medium-q5_0         7718d4c1ec62ca96998f058114db98236937490e
medium.en-q5_0      bb3b5281bddd61605d6fc76bc5b92d8f20284c3b
medium-q8_0         e66645948aff4bebbec71b3485c576f3d63af5d6
medium.en-q8_0      b1cf48c12c807e14881f634fb7b6c6ca867f6b38
large-v1            b1caaf735c4cc1429223d5a74f0f4d0b9b59a299
large-v2            0f4c8e34f21cf1a914c59d8b3ce882345ad349d6
large-v2-q5_0       00e39f2196344e901b3a2bd5814807a769bd1630
large-v2-q8_0       da97d6ca8f8ffbeeb5fd147f79010eeea194ba38
large-v3            ad82bf6a9043ceed055076d0fd39f5f186ff8062
large-v3-q5_0       e6e2ed78495d403bef4b7cff42ef4aaadcfea8de
large-v3-turbo      4af2b29d7ec73d781377bfd1758ca957a807e941
large-v3-turbo-q5_0 e050f7970618a659205450ad97eb95a18d69c9ee
large-v3-turbo-q8_0 01bf15bedffe9f39d65c1b6ff9b687ea91f59e0e
"""


def _read(table: str, hub: str) -> dict[str, Model]:
    rows = [line.split() for line in table.strip().splitlines()]
    sha1 = dict(line.split() for line in _SHA1.strip().splitlines())
    return {name: Model(name, int(size), sha256, sha1.get(name), hub) for name, size, sha256 in rows}


MODELS: dict[str, Model] = {**_read(_SPEECH, HUB), **_read(_TDRZ, TDRZ_HUB)}
VAD_MODELS: dict[str, Model] = _read(_VAD, VAD_HUB)

# What `model: auto` chooses from, first choice first: multilingual models. large-v3-turbo stands before the others for
# its quality, and large-v3, medium and their like are not here because it needs less memory than either and is three
# times as fast (docs/performance.md). It was not trained to translate: for that, name large-v3 or medium.
AUTO_MODELS = ("large-v3-turbo", "small", "base", "tiny")
# Where several models share a GPU: whichever is left of these, a quantized form before a smaller model.
AUTO_BESIDE_OTHERS = ("large-v3-turbo", "large-v3-turbo-q8_0", "large-v3-turbo-q5_0", "small", "base", "tiny")
# On a CPU auto does not ask how much memory there is, but how long a person wants to wait.
AUTO_MODEL_ON_CPU = "base"


def is_own_file(name: str) -> bool:
    """A model file that somebody brings along is named by its file name: ``ggml-mine.bin`` or a path to it."""
    return name.endswith(".bin")


def file_of(name: str) -> str:
    """Of the model that a policy names."""
    return MODELS[name].file if name in MODELS else name


def file_name(url: str) -> str:
    """The file of an operator's own model: the last part of the URL's path. Its query is a signature, not a name."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    name = unquote(path.rstrip("/").rpartition("/")[2])
    unusable = name in ("", ".", "..") or "/" in name or "\\" in name or not name.isprintable()
    if unusable or len(name.encode("utf-8", "replace")) > _LONGEST_NAME_BYTES:
        raise ValueError(
            f"model_url_invalid: the path of whisper_server_model_url, {hidden(url)!r}, does not end with a usable file"
            " name. Set it to a URL such as https://models.example.net/ggml-mine.bin."
        )
    return name
