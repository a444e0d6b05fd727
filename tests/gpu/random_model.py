"""Write a model of a real size with random weights: right for measuring speed, of no use for transcribing.

    python3 tests/gpu/random_model.py large-v3-turbo /tmp/ggml-random-large-v3-turbo.bin

Shapes, types and file format are those of the published models, so the work per window and per token is the same. Only
the answer is made: the decoder's end is set so that every 30 s window gives exactly TOKENS tokens of text and then the
end, whatever was said. Random weights alone would stop at once or decode to the limit, and whisper.cpp would decode
again and again at higher temperatures, because such an answer repeats itself or is improbable. (whisper-server 1.8.5
parses --no-fallback and does nothing with it.)
"""

from __future__ import annotations

import argparse
import random
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

AUDIO_CONTEXT, TEXT_CONTEXT, FFT_BINS = 1500, 448, 201
MAGIC, FLOAT16 = 0x67676D6C, 1
END_OF_TEXT = 50257
# So many that whisper.cpp does not take the answer for a loop.
WORDS = b"speech to text on the card that is in this machine and not on its processor".split()
FIRST_WORD = 2
# 30 s at 150 words a minute, 4 tokens for 3 words.
TOKENS = 100
# <|startoftranscript|> <|en|> <|transcribe|> <|notimestamps|>
PROMPT_TOKENS = 4
# A prime length, so that rows of a matrix differ.
BLOCK = 1_000_003
SPREAD = 0.02
LEVEL = 1000.0


class Shape(NamedTuple):
    width: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int = 80
    vocabulary: int = 51865


SHAPES = {
    "tiny": Shape(384, 6, 4, 4),
    "base": Shape(512, 8, 6, 6),
    "small": Shape(768, 12, 12, 12),
    "medium": Shape(1024, 16, 24, 24),
    "large-v3-turbo": Shape(1280, 20, 32, 4, 128, 51866),
    "large-v3": Shape(1280, 20, 32, 32, 128, 51866),
}


class Noise:
    """Normally distributed numbers without end: one block, again and again."""

    def __init__(self, seed: int) -> None:
        generator = random.Random(seed)
        values = [generator.gauss(0, SPREAD) for place in range(BLOCK)]
        self._blocks = {2: struct.pack(f"<{BLOCK}e", *values), 4: struct.pack(f"<{BLOCK}f", *values)}
        self._at = 0

    def write(self, file: BinaryIO, count: int, size: int) -> None:
        block = self._blocks[size]
        while count:
            taken = min(count, BLOCK - self._at)
            file.write(memoryview(block)[self._at * size : (self._at + taken) * size])
            self._at = (self._at + taken) % BLOCK
            count -= taken


class Writer:
    def __init__(self, file: BinaryIO, shape: Shape, noise: Noise) -> None:
        self._file, self._shape, self._noise = file, shape, noise

    def integers(self, *values: int) -> None:
        self._file.write(struct.pack(f"<{len(values)}i", *values))

    def floats(self, values: list[float]) -> None:
        self._file.write(struct.pack(f"<{len(values)}f", *values))

    def halves(self, values: list[float]) -> None:
        self._file.write(struct.pack(f"<{len(values)}e", *values))

    def name(self, name: str, dimensions: tuple[int, ...], half: bool) -> None:
        """The fastest dimension comes first, as ggml counts."""
        self.integers(len(dimensions), len(name), FLOAT16 if half else 0, *dimensions)
        self._file.write(name.encode())

    def matrix(self, name: str, *dimensions: int) -> None:
        self.name(name, dimensions, half=True)
        count = 1
        for dimension in dimensions:
            count *= dimension
        self._noise.write(self._file, count, 2)

    def vector(self, name: str, length: int, value: float | None = None) -> None:
        self.name(name, (length,), half=False)
        if value is None:
            self._noise.write(self._file, length, 4)
        else:
            self.floats([value] * length)

    def norm(self, name: str) -> None:
        self.vector(f"{name}.weight", self._shape.width, 1.0)
        self.vector(f"{name}.bias", self._shape.width)

    def linear(self, name: str, inputs: int, outputs: int, bias: bool = True) -> None:
        self.matrix(f"{name}.weight", inputs, outputs)
        if bias:
            self.vector(f"{name}.bias", outputs)

    def attention(self, name: str) -> None:
        width = self._shape.width
        self.norm(f"{name}_ln")
        for part in ("query", "key", "value", "out"):
            self.linear(f"{name}.{part}", width, width, bias=part != "key")

    def header(self) -> None:
        shape = self._shape
        self.integers(MAGIC, shape.vocabulary, AUDIO_CONTEXT, shape.width, shape.heads, shape.encoder_layers)
        self.integers(TEXT_CONTEXT, shape.width, shape.heads, shape.decoder_layers, shape.mels, FLOAT16)
        self.integers(shape.mels, FFT_BINS)
        self._noise.write(self._file, shape.mels * FFT_BINS, 4)
        # A lone space must be there: whisper.cpp looks it up.
        words = [b"?", b" ", *(b" " + word for word in WORDS)]
        words += [b"?"] * (END_OF_TEXT - len(words))
        self.integers(len(words))
        for word in words:
            self._file.write(struct.pack("<I", len(word)) + word)

    def encoder(self) -> None:
        width = self._shape.width
        self.name("encoder.positional_embedding", (width, AUDIO_CONTEXT), half=False)
        self._noise.write(self._file, width * AUDIO_CONTEXT, 4)
        for number, inputs in ((1, self._shape.mels), (2, width)):
            self.matrix(f"encoder.conv{number}.weight", 3, inputs, width)
            self.name(f"encoder.conv{number}.bias", (1, width), half=False)
            self._noise.write(self._file, width, 4)
        for layer in range(self._shape.encoder_layers):
            block = f"encoder.blocks.{layer}"
            self.attention(f"{block}.attn")
            self.perceptron(block)
        self.norm("encoder.ln_post")

    def perceptron(self, block: str) -> None:
        width = self._shape.width
        self.norm(f"{block}.mlp_ln")
        self.linear(f"{block}.mlp.0", width, 4 * width)
        self.linear(f"{block}.mlp.2", 4 * width, width)

    def decoder(self) -> None:
        for layer in range(self._shape.decoder_layers):
            block = f"decoder.blocks.{layer}"
            self.attention(f"{block}.attn")
            self.attention(f"{block}.cross_attn")
            self.perceptron(block)
        self.answer()

    def answer(self) -> None:
        """The position alone says which token comes next, because it outweighs all else.

        Dimension 0 is high from where the text is to end and low before; each word has a dimension of its own, high
        where the word is due. The last norm lets these dimensions through and no others; the tokens' rows read them.
        """
        width, rows, dimensions = self._shape.width, self._shape.vocabulary, 1 + len(WORDS)
        first = PROMPT_TOKENS - 1
        self.name("decoder.positional_embedding", (width, TEXT_CONTEXT), half=False)
        for position in range(TEXT_CONTEXT):
            levels = [0.0] * dimensions
            ended = position >= first + TOKENS
            levels[0] = LEVEL if ended else -LEVEL
            if not ended:
                levels[1 + position % len(WORDS)] = LEVEL
            self.floats(levels)
            self._noise.write(self._file, width - dimensions, 4)
        self.vector_of("decoder.ln.weight", [1.0] * dimensions + [0.0] * (width - dimensions))
        self.vector_of("decoder.ln.bias", [0.0] * width)
        reads = {END_OF_TEXT: 0, **{FIRST_WORD + number: 1 + number for number in range(len(WORDS))}}
        self.name("decoder.token_embedding.weight", (width, rows), half=True)
        for row in range(rows):
            if row in reads:
                self.halves([float(dimension == reads[row]) for dimension in range(width)])
            else:
                self._noise.write(self._file, width, 2)

    def vector_of(self, name: str, values: list[float]) -> None:
        self.name(name, (len(values),), half=False)
        self.floats(values)


def write_model(name: str, path: Path, noise: Noise | None = None) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb", buffering=1 << 20) as file:
        writer = Writer(file, SHAPES[name], noise or Noise(seed=1))
        writer.header()
        writer.encoder()
        writer.decoder()
    partial.replace(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a model of a real size with random weights.")
    parser.add_argument("model", choices=SHAPES)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    write_model(arguments.model, arguments.file)
