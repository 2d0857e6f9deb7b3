"""`python -m w2v_cli` is `w2v`."""

from w2v_cli.cli.main import run

if __name__ == "__main__":
    run()
