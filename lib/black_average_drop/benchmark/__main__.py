"""The command line: python -m black_average_drop.benchmark [--data folder]."""

from black_average_drop.benchmark import main

if __name__ == "__main__":
    main()
