"""Runs a command and turns what became of it into an exit code and one message.

The commands are imported only when asked for, so that ``--help`` needs no torch.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_WRONG_USE, parser
from voiceserver.config.parse import DEFAULT_FILE, load
from voiceserver.config.tree import Config
from voiceserver.errors import BadRequest, ConfigError, VoiceServerError

INTERRUPTED = 130  # as shells say for SIGINT
# Of numpy's products in this process, which are small: more of them only wait for each
# other. Engines in processes of their own have their own number.
_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 good, 1 failed, 2 wrong use or configuration.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        parser().print_help(sys.stderr)
        return EXIT_WRONG_USE
    options = parser().parse_args(words)
    try:
        if options.command == "bench":
            from voiceserver.cli.bench import bench

            return bench(options.words, options.list)
        if options.command == "models":
            return _models(options)
        return _run(options, _loaded(options.config))
    except (ConfigError, BadRequest) as error:
        return _told(error, EXIT_WRONG_USE)
    except VoiceServerError as error:
        return _told(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output is gone; keep Python from failing at its flush too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED


def _models(options: argparse.Namespace) -> int:
    """Models are the same whatever is configured."""
    from voiceserver.cli import models

    if options.action == "get":
        return models.get(options.names, options.given)
    if options.action == "prepare":
        return models.prepare(options.given)
    return models.listed()


def _loaded(path: str | None) -> Config:
    """Read the configuration; the engines that it names are in the table."""
    from voiceserver.engines.ears import resolved
    from voiceserver.engines.table import chosen

    config = load(path)
    try:
        chosen(config)
    except ConfigError as error:
        raise ConfigError(f"{path or DEFAULT_FILE}: {error}") from None
    return resolved(config)


def _told(error: Exception, code: int) -> int:
    print(f"voiceserver: {error}", file=sys.stderr)
    return code


def _run(options: argparse.Namespace, config: Config) -> int:
    match options.command:
        case "serve":
            os.environ.setdefault(_BLAS_THREADS, "1")  # read as numpy is imported
            from voiceserver.cli.serving.serve import serve

            if options.model is not None:
                from voiceserver.cli.serving.with_model import with_model

                config = with_model(config, options.model)
            return serve(config, options.host, options.port, options.workers)
        case "say":
            from voiceserver.cli.say import say

            return say(
                config, options.text, options.output, options.voice, options.speed
            )
        case "call":
            from voiceserver.cli.call import CallOrder, call

            order = CallOrder(
                options.to,
                options.caller,
                options.trunk,
                options.instructions,
                options.machine or ("message" if options.message else ""),
                options.message,
            )
            return call(config, order)
        case "transcribe":
            from voiceserver.cli.transcribe import transcribe

            return transcribe(config, options.files)
        case "cluster":
            from voiceserver.cli import cluster

            return cluster.run(config, options.action)
        case "drain":
            from voiceserver.cli.drain import drain

            return drain(config, options.host, options.off, options.wait)
        case "calibrate" | "shadow" | "baseline" | "replay":
            return _judge(options, config)
        case _:
            from voiceserver.cli.check import check

            return check(config)


def _judge(options: argparse.Namespace, config: Config) -> int:
    """How models and servers do against what they did, or against others."""
    match options.command:
        case "calibrate":
            from voiceserver.cli.gate.calibrate import calibrate

            return calibrate(config, options.name, options.questions, options.write)
        case "shadow":
            from voiceserver.cli.gate.shadow import report

            return report(config, options.file)
        case "replay":
            from voiceserver.cli.replay import ReplayOrder, replay
            from voiceserver.replay.compare import Limits

            answers = not options.any_answer
            limits = Limits(options.endpoint_ms, options.later_ms, answers)
            real = options.engines == "configured"
            order = ReplayOrder(options.path, real, limits, options.json)
            return replay(config, order)
        case _:
            from voiceserver.cli.gate import baseline

            action = {"record": baseline.record, "compare": baseline.compare}
            return action[options.action](config, options.file)
