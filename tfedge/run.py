"""python -m tfedge.run MODEL.tflite INPUT...: the command `tfedge run`."""

from tfedge_tools import run

if __name__ == "__main__":
    run.run()
