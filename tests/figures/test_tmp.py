import pytest
from tests.figures.test_figures import *
from tests.figures import test_figures as tf


@pytest.mark.parametrize("seed", range(100, 112))
def test_seed(make, superuser, seed):
    found = tf.counted_of(World(make, superuser, seed=seed, tickets=120), superuser)
    d = [t for one in found for t in tf.compared(*one)]
    for x in d:
        print(seed, str(x)[:600])
    for t in (
        tf.test_the_sums_reconcile,
        tf.test_a_month_closes_with_what_the_next_one_opens_with,
        tf.test_a_value_follows_from_its_evidence_as_it_is_kept,
    ):
        t(found)
    assert not d
