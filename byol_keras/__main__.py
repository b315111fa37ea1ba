"""Lets `python -m byol_keras` do what `byol-keras` does."""

from .cli import command

if __name__ == "__main__":
    command()
