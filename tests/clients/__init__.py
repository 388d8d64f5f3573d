"""Real third-party clients against a real server.

Each module beside this one that is named after a client runs in ``.venv-clients`` as a
program: ``python -m tests.clients.NAME``. It connects by the lines that the README
shows, and exits with an error when the client does not do what its users rely on.
"""
