"""`python -m simulator` is `rft-sim`."""

from simulator.cli.app import main

if __name__ == "__main__":
    main()
