# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which languages whisper.cpp knows, and which of them a model speaks.

Code and name of each as in src/whisper.cpp (the same 100 in 1.8.5 and 1.9.1), in the order of their numbers. A server
takes either; one that is given anything else ends at once, with exit code 0.
"""

from __future__ import annotations

import re

AUTO, ENGLISH = "auto", "en"
# The last one: only models from large-v3 on have it. To others its number means another task.
CANTONESE = "yue"
_HAVE_CANTONESE = re.compile(r"large-v3")
# ggml-base.en.bin, ggml-small.en-q5_1.bin, ggml-small.en-tdrz.bin; of an operator's own file too nothing but its name.
_ENGLISH_ONLY = re.compile(r"\.en(?=[.-])")

_LANGUAGES = """
en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese, pt portuguese,
tr turkish, pl polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian, id indonesian, hi hindi, fi finnish,
vi vietnamese, he hebrew, uk ukrainian, el greek, ms malay, cs czech, ro romanian, da danish, hu hungarian, ta tamil,
no norwegian, th thai, ur urdu, hr croatian, bg bulgarian, lt lithuanian, la latin, mi maori, ml malayalam, cy welsh,
sk slovak, te telugu, fa persian, lv latvian, bn bengali, sr serbian, az azerbaijani, sl slovenian, kn kannada,
et estonian, mk macedonian, br breton, eu basque, is icelandic, hy armenian, ne nepali, mn mongolian, bs bosnian,
kk kazakh, sq albanian, sw swahili, gl galician, mr marathi, pa punjabi, si sinhala, km khmer, sn shona, yo yoruba,
so somali, af afrikaans, oc occitan, ka georgian, be belarusian, tg tajik, sd sindhi, gu gujarati, am amharic,
yi yiddish, lo lao, uz uzbek, fo faroese, ht haitian creole, ps pashto, tk turkmen, nn nynorsk, mt maltese,
sa sanskrit, lb luxembourgish, my myanmar, bo tibetan, tl tagalog, mg malagasy, as assamese, tt tatar, haw hawaiian,
ln lingala, ha hausa, ba bashkir, jw javanese, su sundanese, yue cantonese
"""
CODES: dict[str, str] = {
    code: name for code, _space, name in (one.strip().partition(" ") for one in _LANGUAGES.split(",") if one.strip())
}
_BY_NAME = {name: code for code, name in CODES.items()}


def code_of(language: str) -> str | None:
    """The code of a language by its code or its English name; None for one that whisper.cpp does not know."""
    return language if language in CODES else _BY_NAME.get(language)


def english_only(model_file: str) -> bool:
    return _ENGLISH_ONLY.search(model_file) is not None


def has_cantonese(model_file: str) -> bool:
    return _HAVE_CANTONESE.search(model_file) is not None


def spoken(language: str, model_file: str) -> str:
    """What a server is started with: a language that is named, or else what the model can tell by itself."""
    return language or (ENGLISH if english_only(model_file) else AUTO)
