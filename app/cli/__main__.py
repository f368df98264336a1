"""``python -m app.cli``, as our own processes start one another."""

from app.cli import main

if __name__ == "__main__":
    main()
