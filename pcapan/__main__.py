"""``pcapan`` and ``python -m pcapan``: the way into the command line.

Processes that work for this one import this file too, so it imports no command by itself.
"""


def main() -> None:
    """Run the command line; does not return."""
    from pcapan.cli import main as run

    run()


if __name__ == "__main__":
    main()
