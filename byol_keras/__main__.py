"""Lets `python -m byol_keras` do what `byol-keras` does."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
