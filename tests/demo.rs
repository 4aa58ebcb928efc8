//! The promise: `burdock demo` shows the whole thing offline, ends by itself, and judges itself.

use std::time::Duration;

use crate::common::Running;

#[test]
fn the_demo_gets_every_record_replaces_proxies_and_takes_a_new_folder_each_time() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=2 {
        let ended = Running::start(folder.path(), &["demo"]).finish().expect_exit(0);
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        let verdict = said.lines().find(|line| line.contains("200 of 200 records, 0 missing, 0 twice; "));
        let replaced: usize =
            verdict.and_then(|line| line.split("; ").nth(1)?.split(' ').next()?.parse().ok()).unwrap();
        assert!(replaced >= 3, "{verdict:?}");
        assert!(ended.took < Duration::from_secs(20), "it took {:?}", ended.took);
        let folders: Vec<_> = std::fs::read_dir(folder.path().join("runs")).unwrap().collect();
        assert_eq!(folders.len(), round);
        for name in ["records.jsonl", "run.log.jsonl", "report.json"] {
            assert!(said.contains(name), "it does not say where {name} is");
        }
    }
}
