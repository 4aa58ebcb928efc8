//! What every frontier must do, as tests that run against each of them.
//!
//! In comes a [`Backend`], which can open a store, end it well or badly, and make its writes fail; the claims are in the
//! files below. [`suite!`] makes a test of each claim.

pub(super) mod commits;
pub(super) mod crashes;
mod fixture;
pub(super) mod order;
mod properties;

pub(super) use fixture::{Backend, End, List, claim, fingerprints, page};

/// All claims about one backend, as tests.
macro_rules! suite {
    ($backend:expr) => {
        $crate::frontier::conformance::suite!(@ $backend;
            order: a_task_found_again_is_the_same_task,
            order: within_a_host_priority_decides_and_then_who_was_first,
            order: hosts_take_turns_and_barred_ones_are_left_out,
            order: a_claim_brings_no_more_than_asked_for_and_an_empty_one_is_no_error,
            order: what_is_handed_back_comes_first,
            order: a_retry_keeps_its_place_and_is_never_early,
            order: start_urls_are_read_as_they_are_needed_and_no_line_twice,
            commits: a_stale_settlement_changes_nothing,
            commits: no_task_is_under_two_leases,
            commits: a_commit_is_all_or_nothing_wherever_it_fails,
            commits: every_other_call_is_all_or_nothing_wherever_it_fails,
            commits: records_come_in_order_and_as_they_were_given,
            commits: a_dead_letter_has_its_history_and_can_be_tried_again,
            commits: cursors_and_kept_things_are_what_was_committed_last,
            crashes: what_was_leased_goes_back_at_no_attempt_and_what_was_committed_stays,
            crashes: recovering_twice_is_recovering_once,
            crashes: a_task_of_three_crashes_runs_alone_and_ends_well,
            crashes: a_task_that_crashes_alone_again_and_again_is_dead,
            crashes: nobody_waits_for_a_clock_that_was_ahead,
            crashes: a_quarantined_task_that_is_handed_back_stays_quarantined,
            crashes: after_an_orderly_end_everything_is_as_it_was,
        );
    };
    (@ $backend:expr; $($file:ident: $claim:ident,)*) => {
        $(#[test]
        fn $claim() {
            $crate::frontier::conformance::$file::$claim(&mut $backend);
        })*
    };
}
pub(super) use suite;

pub(super) use properties::any_history_is_as_in_memory;
