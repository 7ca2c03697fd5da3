"""python -m tfedge: the command `tfedge`."""

from tfedge_tools import command

if __name__ == "__main__":
    command.run()
