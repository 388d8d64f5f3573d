"""Reading voiceserver.toml."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.config import Config
from voiceserver.config.parse import LONGEST_FILE, from_table, load, parse
from voiceserver.errors import ConfigError


def test_no_file_is_all_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server runs with none."""
    monkeypatch.chdir(tmp_path)
    assert load() == Config()


def test_the_file_of_the_working_directory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being named."""
    monkeypatch.chdir(tmp_path)
    Path("voiceserver.toml").write_text("[server]\nport = 9000\n")
    assert load().server.port == 9000


def test_every_kind_of_setting_is_read() -> None:
    """Text, numbers, truth, choices, lists, and arrays of tables."""
    config = parse(
        """
        [server]
        host = "::1"
        port = 0
        allowed_origins = ["https://a.example", "https://b.example"]
        [media]
        setup_limit_s = 3
        accept_remote_candidates = true
        [engines]
        text = "providers"
        [[text.provider]]
        name = "first"
        base_url = "http://127.0.0.1:8000/v1"
        model = "m"
        [[text.provider]]
        name = "second"
        base_url = "https://example.org/v1"
        model = "n"
        key_env = "SECOND_KEY"
        """
    )
    assert config.server.host == "::1"
    assert config.server.allowed_origins == ("https://a.example", "https://b.example")
    assert config.media.setup_limit_s == 3.0
    assert isinstance(config.media.setup_limit_s, float)
    assert config.media.accept_remote_candidates is True
    assert config.engines.text == "providers"
    assert [provider.name for provider in config.text.provider] == ["first", "second"]
    assert config.text.provider[1].key_env == "SECOND_KEY"
    assert config.turn == Config().turn


def test_a_table_of_lists_is_read() -> None:
    """Its names are the user's own; what is in it is checked."""
    table = '[speech.language]\nes = ["espeak"]\n"*" = ["espeak"]\n'
    language = parse(table).speech.language
    assert language == {"es": ("espeak",), "*": ("espeak",)}
    for wrong, message in (
        ('[speech]\nlanguage = "es"', "must be a table"),
        ('[speech.language]\nes = "espeak"', r"speech\.language\.es: must be a list"),
        ('[speech.language]\nspanish = ["espeak"]', "'spanish' is not like"),
        ('[speech.language]\nes = ["cloud"]', "'cloud' speaks nothing here.*espeak"),
        ("[speech.language]\nes = []", "speaks nothing here"),
    ):
        with pytest.raises(ConfigError, match=message):
            parse(wrong)


PATHS = [
    "server.api_key_file",
    "server.tls_cert",
    "server.tls_key",
    "recogniser.model",
    "responder.questions",
    "speech.model",
]


@pytest.mark.parametrize("setting", PATHS)
def test_paths_are_relative_to_the_file(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the server is started; absolute ones and none stay as they are."""
    monkeypatch.chdir("/")
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "a.toml"
    table, name = setting.split(".")

    def read(path: str) -> str:
        both = {"tls_cert", "tls_key"} if name.startswith("tls_") else {name}
        lines = [f'{each} = "{path}"' for each in both]
        file.write_text("\n".join([f"[{table}]", *lines]))
        return str(getattr(getattr(load(file), table), name))

    assert read("of/mine") == str(tmp_path / "etc" / "of" / "mine")
    assert read("/of/mine") == "/of/mine"
    assert read("") == ""


def test_a_path_is_resolved_once() -> None:
    """A worker takes over the front's settings as they are."""
    config = parse('[speech]\nmodel = "voice"', folder=Path("conf"))
    assert config.speech.model == "conf/voice"
    assert from_table({"speech": {"model": "conf/voice"}}) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 1", ["port", "it belongs under [server] or [audiosocket] or [sip]"]),
        ("[sever]", ["sever", "did you mean server?"]),
        ("[turn]\nsilence = 5", ["turn.silence", "did you mean silence_ms?"]),
        ("[turn]\nSILENCE_MS = 5", ["did you mean silence_ms?"]),
        ("[log]\nzzz = 1", ["log.zzz", "there are: level, format"]),
        ("server = 1", ["server", "must be a table, [server], not 1"]),
        ("[[server]]", ["server", "must be a table"]),
        ('[server]\nport = "80"', ["server.port", "whole number", '"80"']),
        ("[server]\nport = 80.0", ["server.port", "whole number"]),
        ("[server]\nport = true", ["server.port", "whole number", "not true"]),
        ("[server]\nport = -1", ["server.port", "0..1000000000"]),
        ("[server]\nport = 70000", ["[server]", "port must be 0..65535"]),
        ("[server]\nhost = 1", ["server.host", "text in quotes"]),
        ('[server]\nhost = "a\\u0000b"', ["server.host", "NUL"]),
        ('[server]\nallowed_origins = "*"', ["allowed_origins", "must be a list"]),
        ("[server]\nallowed_origins = [1]", ["allowed_origins[0]", "text in quotes"]),
        ('[media]\nsetup_limit_s = "1"', ["setup_limit_s", "a number"]),
        ("[media]\nsetup_limit_s = 0", ["setup_limit_s must be above 0"]),
        ("[media]\nsetup_limit_s = nan", ["setup_limit_s", "0..1000000000"]),
        ("[media]\nsetup_limit_s = inf", ["setup_limit_s", "0..1000000000"]),
        ("[media]\nsetup_limit_s = 1e300", ["setup_limit_s", "0..1000000000"]),
        ("[media]\naccept_remote_candidates = 1", ["true or false", "not 1"]),
        ('[engines]\nvad = "loud"', ["engines.vad", '"silero", "stub"', '"loud"']),
        ("[engines]\nvad = []", ["engines.vad", '"silero"', "a list"]),
        ("[engines]\nvad = 2020-01-01", ["engines.vad"]),
        ("[turn]\ncap_ms = 100", ["[turn]", "cap_ms must not be below"]),
        ("[speech]\nspeed = 0.1", ["[speech]", "0.25..4"]),
        ("[text.provider]", ["text.provider", "[[text.provider]]"]),
        ("[[text.provider]]", ["text.provider[0].name", "is missing"]),
        (
            '[[text.provider]]\nname="a"\nmodel="b"\nbase_url="ftp://x"',
            ["text.provider[0]", "http://"],
        ),
        (
            '[[text.provider]]\nname="a"\nmodel="b"\nbase_url="http://x"\n' * 2,
            ["two [[text.provider]] tables are named 'a'"],
        ),
        ("[server]\nport = 9" + "9" * 5000, ["not valid TOML"]),
        ("[server]\nport = 9" + "9" * 50, ["server.port", "a huge number"]),
        ("a = " + "[" * 20_000, ["not valid TOML"]),
        ("[server", ["not valid TOML", "end of document"]),
        ("[server]\n[server]", ["not valid TOML"]),
        ("[server]\nhost = 'a\nb'", ["not valid TOML", "line 2"]),
    ],
)
def test_what_is_wrong_is_named(text: str, words: list[str]) -> None:
    """The file, the key, and what is allowed."""
    with pytest.raises(ConfigError) as wrong:
        parse(text, "my.toml")
    message = str(wrong.value)
    assert message.startswith("my.toml: ")
    for word in words:
        assert word in message
    assert len(message) < 1000


def test_a_key_pasted_where_its_name_belongs_is_not_shown() -> None:
    """The message may end up in a log."""
    with pytest.raises(ConfigError, match="name of an environment variable") as wrong:
        parse('[server]\napi_key_env = "sk-12345-secret"')
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (LONGEST_FILE + 1), "larger than"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    """With the reason."""
    file = tmp_path / "my.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=words) as wrong:
        load(file)
    assert str(file) in str(wrong.value)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor is a name with a NUL."""
    with pytest.raises(ConfigError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(ConfigError):
        load("a\0b")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    file = tmp_path / "my.toml"
    file.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 1\r\n")
    assert load(file).server.port == 1


NAMES = [field.name for field in dataclasses.fields(Config)]
VALUES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.sampled_from(['"x"', "[]", "{}", "1979-05-27", "07:32:00", "[[]]", '["a", 1]']),
)


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever is in the file."""
    with contextlib.suppress(ConfigError):
        parse(text)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_value_of_a_setting_raises_anything_else(data: st.DataObject) -> None:
    """Of any type, in any place."""
    table = data.draw(st.sampled_from(NAMES))
    kind = type(getattr(Config(), table))
    name = data.draw(
        st.sampled_from([field.name for field in dataclasses.fields(kind)])
    )
    value = data.draw(VALUES)
    written = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        config = parse(f"[{table}]\n{name} = {written}\n")
    except ConfigError:
        return
    assert dataclasses.is_dataclass(getattr(config, table))
