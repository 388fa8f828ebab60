"""``python -m pcapan`` is the same as ``pcapan``."""

from pcapan.cli import main

if __name__ == "__main__":
    main()
