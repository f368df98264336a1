"""Peers that live in ``.venv-bench``; nothing here imports ours."""
