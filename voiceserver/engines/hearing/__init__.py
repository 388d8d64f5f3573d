"""Transcription services by URL, with the server's own recogniser behind them."""
