import io
import os

from tfedge.progress import board

SHOWN = board.Shown("training", 12.5, done=3, total=9, note="loss 0.5", ends=20.0)


def test_what_another_process_puts_is_seen_here():
    where = board.Board(None)
    child = os.fork()
    if not child:
        where.put(SHOWN)
        os._exit(0)
    os.waitpid(child, 0)
    with where.held():
        assert where.shown() == SHOWN


def test_a_process_that_dies_while_it_holds_the_board_lets_go():
    where = board.Board(None)
    child = os.fork()
    if not child:
        with where.held():
            os._exit(0)
    os.waitpid(child, 0)
    where.put(None)
    with where.held():
        assert where.shown() is None


def test_long_words_of_a_file_fit():
    where = board.Board(None)
    where.put(board.Shown("\u4e00" * 5000, 0.0, note="\u4e00" * 5000))
    with where.held():
        assert len(where.shown().label) == len(where.shown().note) == 300


def test_text_takes_the_place_of_the_drawn_line():
    terminal = io.StringIO()
    where = board.Board(terminal)
    beside = board.Beside(terminal, where)
    with where.held():
        where.draw("training 3%")
    beside.write("a warning\n")
    beside.write("another\n")
    assert terminal.getvalue() == "\r\x1b[Ktraining 3%\r\x1b[Ka warning\nanother\n"
    assert beside.getvalue() == terminal.getvalue()  # all else is the stream's own


def test_nothing_is_drawn_over_a_line_that_is_not_ended():
    terminal = io.StringIO()
    where = board.Board(terminal)
    beside = board.Beside(terminal, where)
    for text, count in (("Continue? ", 0), ("", 0), ("yes\n", 1)):
        beside.write(text)
        with where.held():
            where.draw("training 3%")
        assert terminal.getvalue().count("training") == count
