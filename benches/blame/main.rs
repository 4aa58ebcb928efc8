//! Who pays for what is broken, measured with real sockets: `cargo bench --bench blame` crawls the practice site with the real
//! binary, through a hundred practice proxies, and prints a line for each crawl. Two tables: a share of bad proxies of one
//! kind, beside a crawl with only the good ones; and poison pages of one kind, among good proxies and among bad ones.
//!
//! Words after `--` choose: `bad`, `poison`, a kind of either (`dead`, `cut`, …), shares in percent (`0 90`). `key=value` sets
//! `proxies`, `seconds` and `scale` (`scale.rs`), and settings of the crawl by their names (`crawl.workers=20`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement fails by panicking")]

#[path = "../../tests/common/mod.rs"]
mod common;

mod bad;
mod figures;
mod poison;
mod scale;

use scale::Scale;

/// What is to be measured.
struct Choice {
    words: Vec<String>,
    shares: Vec<usize>,
    scale: Scale,
}

impl Choice {
    fn from_args(args: impl Iterator<Item = String>) -> Self {
        let mut choice = Self { words: Vec::new(), shares: Vec::new(), scale: Scale::default() };
        // What `cargo bench` says begins with a dash.
        for word in args.filter(|word| !word.starts_with('-')) {
            // Kinds go first: some are numbers as well.
            let known = ["bad", "poison"].into_iter().chain(bad::names()).chain(poison::names());
            if known.clone().any(|name| name == word) {
                choice.words.push(word);
            } else if let Some((key, value)) = word.split_once('=') {
                choice.scale.set(key, value);
            } else {
                let share = word.parse();
                choice.shares.push(share.unwrap_or_else(|_| panic!("{word}: none of {:?}", known.collect::<Vec<_>>())));
            }
        }
        choice
    }

    /// Those of a table's kinds that are asked for; without any word, all.
    fn of<'a>(&self, table: &str, kinds: &[&'a str]) -> Vec<&'a str> {
        let all = self.words.is_empty() || self.words.iter().any(|word| word == table);
        kinds.iter().copied().filter(|kind| all || self.words.iter().any(|word| word == kind)).collect()
    }

    /// Those of a table's shares that are asked for.
    fn among(&self, shares: &[usize]) -> Vec<usize> {
        shares.iter().copied().filter(|share| self.shares.is_empty() || self.shares.contains(share)).collect()
    }
}

fn main() {
    let choice = Choice::from_args(std::env::args().skip(1));
    println!("{}\n", choice.scale);
    let kinds = choice.of("bad", &bad::names().collect::<Vec<_>>());
    if !kinds.is_empty() {
        bad::table(&choice.scale, &kinds, &choice.among(&[0, 10, 30, 50, 90]));
    }
    let kinds = choice.of("poison", &poison::names().collect::<Vec<_>>());
    if !kinds.is_empty() {
        poison::table(&choice.scale, &kinds, &choice.among(&[0, 90]));
    }
}
