from tfedge.progress import estimate


def test_the_rest_takes_as_long_as_its_share_and_then_what_follows():
    run = estimate.Estimate([3, 1, 4], after=7, now=100)
    run.begin(0)
    assert run.ends(101) is None
    run.reach(0.01)
    assert run.ends(101) is None  # too little to tell
    run.reach(0.5)
    run.reach(0.25)  # begun anew: not less is done
    assert run.ends(115) == 115 + 15 * (8 - 1.5) / 1.5 + 7
    run.begin(1)
    assert run.ends(130) == 130 + 30 * 5 / 3 + 7
    run.begin(2)
    run.reach(0.5)
    assert run.ends(160) == 160 + 60 * 2 / 6 + 7
    run.finish(180)
    assert run.ends(181) == run.ends(186) == 187


def test_what_an_earlier_run_did_tells_nothing_about_the_time():
    run = estimate.Estimate([3, 1], after=0, now=100)
    run.begin(0)
    run.leave_out(0, now=102)
    run.begin(1)
    assert run.ends(103) is None
    run.reach(0.25)
    assert run.ends(112) == 112 + 30


def test_without_parts_only_what_follows_is_known():
    run = estimate.Estimate([], after=5, now=100)
    run.finish(100)
    assert run.ends(101) == 105
