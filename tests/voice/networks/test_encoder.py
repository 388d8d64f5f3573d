"""Encoder of a clause."""

from __future__ import annotations

import torch

from voiceserver.voice.networks.encoder import ClauseEncoder, Phones


def phones(n: int, speaker: int = 0) -> Phones:
    """One clause of ``n`` symbols."""
    return Phones(
        torch.arange(n)[None] + 8,
        torch.ones(1, n, dtype=torch.long),
        torch.tensor([1]),
        torch.ones(1, n),
        torch.tensor([speaker]),
    )


def test_padding_changes_nothing() -> None:
    """A clause is encoded alike alone and padded in a batch."""
    torch.manual_seed(0)
    encoder = ClauseEncoder(16, 2, 0.3, 2).eval()
    alone = phones(5)
    longer = Phones(
        torch.cat([alone.symbols, torch.zeros(1, 4, dtype=torch.long)], 1),
        torch.cat([alone.places, torch.zeros(1, 4, dtype=torch.long)], 1),
        alone.ending,
        torch.tensor([[1.0] * 5 + [0.0] * 4]),
        alone.speaker,
    )
    assert torch.allclose(encoder(alone), encoder(longer)[:, :5], atol=1e-6)


def test_a_symbol_is_encoded_with_its_neighbours() -> None:
    """The same phone sounds differently after another one, or before another mark."""
    torch.manual_seed(0)
    encoder = ClauseEncoder(16, 2, 0.3, 2).eval()
    one, asked = phones(5), phones(5)
    asked = Phones(one.symbols, one.places, torch.tensor([0]), one.mask, one.speaker)
    other = Phones(one.symbols.roll(1), one.places, one.ending, one.mask, one.speaker)
    assert not torch.allclose(encoder(one), encoder(asked))
    assert not torch.allclose(encoder(one)[:, 1], encoder(other)[:, 2])


def test_each_speaker_has_encodings_of_their_own() -> None:
    """The same clause, said by another."""
    torch.manual_seed(0)
    encoder = ClauseEncoder(16, 2, 0.3, 2).eval()
    assert not torch.allclose(encoder(phones(5)), encoder(phones(5, speaker=1)))
