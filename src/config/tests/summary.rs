//! The opening line, for pools of every size.
//!
//! Through whole configs, so that the count of proxies is the real one.

use super::super::*;
use super::{Folder, STAGE, START};

fn line(workers: &str, proxies: usize, delay: &str) -> String {
    let proxies = match proxies {
        0 => "direct = true".to_owned(),
        count => format!("list = [\"p{{1..{count}}}.example:80\"]"),
    };
    let config = format!("{START}workers = {workers}\n{STAGE}[proxies]\n{proxies}\n[pace]\ndelay = \"{delay}\"\n");
    opening_line(&Folder::new(&config).load().settings)
}

#[test]
fn the_opening_line_says_what_the_settings_allow() {
    assert_eq!(
        line("20", 100, "1.5s"),
        "20 workers, 100 proxies: 80 spare; at 1.5 s delay at most 13 pages/s, 67 with workers = \"auto\""
    );
    assert_eq!(line("20", 5, "1s"), "20 workers, 5 proxies: 15 parked; at 1 s delay at most 5 pages/s");
    assert_eq!(line("\"auto\"", 1, "250ms"), "1 worker, 1 proxy; at 0.25 s delay at most 4 pages/s");
    assert_eq!(line("\"auto\"", 300, "1s"), "256 workers, 300 proxies: 44 spare; at 1 s delay at most 256 pages/s");
    assert_eq!(line("\"auto\"", 0, "90s"), "1 worker, no proxy, your own address; at 90 s delay at most 0.7 pages/min");
    assert_eq!(
        line("3", 0, "1.5s"),
        "3 workers, no proxy, your own address: 2 parked; at 1.5 s delay at most 40 pages/min"
    );
    assert_eq!(
        line("2", 3, "0s"),
        "2 workers, 3 proxies: 1 spare; no delay: as fast as the proxies and the site allow"
    );
    assert_eq!(
        line("2", 3, "1s\"\nhost_rate = \"30/min"),
        "2 workers, 3 proxies: 1 spare; at 1 s delay at most 2 pages/s, 3 with workers = \"auto\"; of one host at most 30 a min"
    );
}
