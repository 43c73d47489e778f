"""`python -m rooney_live.cli`."""

from rooney_live.cli import main

if __name__ == "__main__":
    main()
