"""`python -m toyclip` is the command line."""

from toyclip.cli import main

if __name__ == "__main__":
    main()
