"""`python -m tests.chaos`: see docs/chaos.md."""

if __name__ == "__main__":
    from tests.chaos.command import app

    app()
