from tfedge import errors


def test_a_value_of_millions_of_characters_stays_one_line():
    said = str(errors.BadInput("profile.json", f"threads is {'x' * 10**6}", "Give a number."))
    assert said.startswith("profile.json: threads is xxx") and said.endswith("xxx. Give a number.")
    assert len(said) < 700 and " ... 999,411 characters ... " in said


def test_what_fits_is_told_whole():
    part = "y" * 600
    assert str(errors.BadInput(part, "a\nb", "c.")) == f"{part}: a b. c."
