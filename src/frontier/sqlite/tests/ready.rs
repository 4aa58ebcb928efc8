//! The order of ready tasks, against a plain sorted map.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use rusqlite::Connection;

use crate::frontier::sqlite::prepared::Prepared;
use crate::frontier::sqlite::ready::{Place, Ready};
use crate::frontier::sqlite::schema;

/// What happens to the order.
#[derive(Clone, Debug)]
enum Step {
    /// A task comes, or comes back to one of its places.
    Put { id: i64, place: i64 },
    /// The best task of the next host is taken.
    Take { barred: Option<i64> },
    /// What is in memory is read anew.
    Doubt,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1i64..200, 0i64..2).prop_map(|(id, place)| Step::Put { id, place }),
        5 => prop::option::of(1i64..4).prop_map(|barred| Step::Take { barred }),
        1 => Just(Step::Doubt),
    ];
    prop::collection::vec(step, 1..500)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_order_of_a_sorted_map(before in 0i64..150, steps in steps(), fold_at in 1usize..60) {
        let conn = Connection::open_in_memory().unwrap();
        schema::migrate(&conn).unwrap();
        let (mut ready, mut prepared) = (Ready::default(), Prepared::new(&conn));
        ready.fold_at = fold_at;
        ready.refresh(&conn).unwrap();
        let (mut plain, mut turn) = (BTreeMap::new(), 0);
        for id in 1..=before {
            let place = Place { host: id % 3 + 1, prio: id % 2, seq: id };
            plain.insert(place, id);
            ready.put(&mut prepared, id, place).unwrap();
        }
        // More than are read at once lie in the index.
        ready.fold(&conn).unwrap();
        for step in steps {
            match step {
                Step::Put { id, place } => {
                    let place = Place { host: id % 3 + 1, prio: id % 2, seq: if place == 0 { id } else { -id } };
                    if !plain.values().any(|there| *there == id) {
                        plain.insert(place, id);
                        ready.put(&mut prepared, id, place).unwrap();
                    }
                }
                Step::Take { barred } => {
                    let barred: HashSet<i64> = barred.into_iter().collect();
                    let admitted = || plain.iter().filter(|(place, _)| !barred.contains(&place.host));
                    let expected = admitted().find(|(place, _)| place.host > turn).map(|(&place, &id)| (id, place));
                    prop_assert_eq!(ready.best_after(&conn, turn, &barred).unwrap(), expected);
                    turn = 0;
                    if let Some((id, place)) = expected {
                        ready.take(&mut prepared, id, place).unwrap();
                        plain.remove(&place);
                        turn = place.host;
                    }
                    ready.fold_if_due(&conn).unwrap();
                }
                Step::Doubt => ready.doubt(),
            }
            ready.refresh(&conn).unwrap();
        }
    }
}
