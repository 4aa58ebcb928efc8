use serde_json::json;
use tempfile::TempDir;

use super::*;

struct Bed {
    home: TempDir,
    seconds: u64,
}

impl Bed {
    fn new() -> Self {
        Self { home: TempDir::new().unwrap(), seconds: 1_800_000_000 }
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("runs").join("shop")
    }

    fn source(&self, text: &str) -> Source {
        Source::new(self.home.path().join("shop.toml"), text)
    }

    fn open_as(&mut self, source: &Source, existing: Existing) -> Result<Opened, FolderError> {
        let now = Timestamp::from_micros(self.seconds * 1_000_000);
        self.seconds += 1;
        RunFolder::open(&self.path(), "shop", source, existing, now, &mut fastrand::Rng::with_seed(self.seconds))
    }

    fn open(&mut self) -> Result<Opened, FolderError> {
        let source = self.source("text");
        self.open_as(&source, Existing::Keep)
    }

    fn begin(&mut self) -> RunFolder {
        new(self.open())
    }

    /// The folders beside the run's.
    fn aside(&self) -> Vec<String> {
        let entries = fs::read_dir(self.home.path().join("runs")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "shop").collect()
    }
}

fn new(opened: Result<Opened, FolderError>) -> RunFolder {
    match opened {
        Ok(Opened::New(folder)) => folder,
        other => panic!("{other:?}"),
    }
}

fn report(exit_code: ExitCode) -> serde_json::Value {
    json!({ "exit_code": exit_code, "ended_because": "interrupted by ctrl-c", "more": [1, 2] })
}

#[test]
fn a_new_run_has_a_manifest_with_its_id_key_and_config() {
    let mut bed = Bed::new();
    let folder = bed.begin();
    let text = fs::read_to_string(folder.path().join("run.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest["name"], "shop");
    assert_eq!(manifest["started"], "2027-01-15T08:00:00.000Z");
    assert!(manifest["id"].as_str().unwrap().starts_with("shop-20270115T080000Z-"));
    let key = folder.manifest().fingerprint_key();
    assert_ne!(key, [0; 16]);
    assert_eq!(manifest["key"].as_str().unwrap(), format!("{:032x}", u128::from_be_bytes(key)));
    assert_eq!(manifest["config"], json!(bed.source("text")));
    assert_eq!(fs::read_to_string(folder.path().join("run.lock")).unwrap(), format!("{}\n", std::process::id()));
}

#[test]
fn a_second_process_is_told_the_first_ones_pid_and_a_dead_ones_lock_is_free() {
    let mut bed = Bed::new();
    let folder = bed.begin();
    for existing in [Existing::Keep, Existing::MoveAside] {
        let source = bed.source("text");
        let error = bed.open_as(&source, existing).unwrap_err();
        assert!(error.to_string().ends_with(&format!("is in use by process {}", std::process::id())), "{error}");
        assert_eq!(error.exit_code(), ExitCode::InUse);
    }
    folder.write_report(&report(ExitCode::Complete)).unwrap();
    drop(folder);
    assert!(matches!(bed.open(), Ok(Opened::Finished { .. })));
}

#[test]
fn a_finished_run_repeats_its_exit_code_and_is_not_crawled_again() {
    for code in [ExitCode::Complete, ExitCode::DeadLetters] {
        let mut bed = Bed::new();
        bed.begin().write_report(&report(code)).unwrap();
        let before = fs::read(bed.path().join("run.json")).unwrap();
        for text in ["text", "edited since"] {
            let source = bed.source(text);
            match bed.open_as(&source, Existing::Keep).unwrap() {
                Opened::Finished { exit_code, report } => {
                    assert_eq!(exit_code, code);
                    assert!(report.is_absolute() && report.exists());
                }
                other @ (Opened::New(_) | Opened::Begun { .. }) => panic!("{other:?}"),
            }
        }
        assert_eq!(fs::read(bed.path().join("run.json")).unwrap(), before);
    }
}

#[test]
fn a_run_that_did_not_come_to_its_end_is_refused_naming_fresh() {
    for code in [None, Some(ExitCode::Interrupted), Some(ExitCode::NoProxy), Some(ExitCode::Died)] {
        let mut bed = Bed::new();
        let folder = bed.begin();
        if let Some(code) = code {
            folder.write_report(&report(code)).unwrap();
        }
        drop(folder);
        let error = bed.open().unwrap_err();
        assert!(matches!(error, FolderError::Unfinished { .. }), "{error}");
        assert_eq!(error.exit_code(), ExitCode::Usage);
        assert!(error.help().contains("--fresh"));
    }
}

#[test]
fn fresh_moves_the_old_folder_aside_with_all_that_is_in_it_each_time_to_a_new_name() {
    let mut bed = Bed::new();
    let source = bed.source("text");
    let first = bed.begin().manifest().id.clone();
    fs::write(bed.path().join("records.jsonl"), "kept\n").unwrap();
    let mut ids = vec![first];
    for _ in 0..3 {
        // Within one second, too.
        bed.seconds = 1_900_000_000;
        let folder = new(bed.open_as(&source, Existing::MoveAside));
        assert!(!folder.path().join("records.jsonl").exists());
        ids.push(folder.manifest().id.clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 2, "the same second and seed give the same id, another run another one");
    let mut aside = bed.aside();
    aside.sort();
    assert_eq!(aside, ["shop.20300317T174640.000Z", "shop.20300317T174640.000Z-2", "shop.20300317T174640.000Z-3"]);
    let kept = bed.path().with_file_name(&aside[0]).join("records.jsonl");
    assert_eq!(fs::read_to_string(kept).unwrap(), "kept\n");
}

#[test]
fn fresh_holds_the_new_folder() {
    let mut bed = Bed::new();
    drop(bed.begin());
    let source = bed.source("text");
    let _held = new(bed.open_as(&source, Existing::MoveAside));
    assert!(matches!(bed.open(), Err(FolderError::InUse { .. })));
}

#[test]
fn however_many_begin_anew_at_once_each_holds_a_folder_of_its_own() {
    use std::os::unix::fs::MetadataExt;
    use std::sync::Mutex;

    let bed = Bed::new();
    drop(new(RunFolder::open(
        &bed.path(),
        "shop",
        &bed.source("text"),
        Existing::Keep,
        Timestamp::from_micros(0),
        &mut fastrand::Rng::with_seed(0),
    )));
    let held = Mutex::new(std::collections::BTreeSet::new());
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (bed, held) = (&bed, &held);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed);
                for _ in 0..100 {
                    let now = Timestamp::from_micros(1_800_000_000_000_000 + rng.u64(..1_000_000_000_000));
                    let opened =
                        RunFolder::open(&bed.path(), "shop", &bed.source("text"), Existing::MoveAside, now, &mut rng);
                    match opened {
                        Ok(Opened::New(folder)) => {
                            let inode = fs::metadata(folder.path()).unwrap().ino();
                            assert!(held.lock().unwrap().insert(inode), "two hold one folder");
                            std::thread::yield_now();
                            assert_eq!(fs::metadata(folder.path()).unwrap().ino(), inode, "a held folder was moved");
                            held.lock().unwrap().remove(&inode);
                        }
                        Err(FolderError::InUse { .. }) => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

#[test]
fn two_configs_cannot_share_one_run_name() {
    let mut bed = Bed::new();
    bed.begin().write_report(&report(ExitCode::Complete)).unwrap();
    let other = Source::new(bed.home.path().join("other.toml"), "other text");
    for existing in [Existing::Keep, Existing::MoveAside] {
        let error = bed.open_as(&other, existing).unwrap_err();
        let FolderError::OtherConfig { config, .. } = &error else { panic!("{error}") };
        assert!(config.ends_with("shop.toml"), "the first one is named");
        assert_eq!(error.exit_code(), ExitCode::Usage);
    }
    assert!(bed.aside().is_empty());
    let moved = Source::new(bed.home.path().join("moved.toml"), "text");
    assert!(
        matches!(bed.open_as(&moved, Existing::Keep), Ok(Opened::Finished { .. })),
        "a config that moved is the same"
    );
}

#[test]
fn a_folder_that_is_not_ours_is_refused_and_left_as_it_is() {
    for existing in [Existing::Keep, Existing::MoveAside] {
        let mut bed = Bed::new();
        fs::create_dir_all(bed.path()).unwrap();
        fs::write(bed.path().join("thesis.txt"), "precious").unwrap();
        let source = bed.source("text");
        let error = bed.open_as(&source, existing).unwrap_err();
        assert!(matches!(error, FolderError::Foreign { .. }), "{error}");
        assert_eq!(error.exit_code(), ExitCode::Usage);
        let left: Vec<_> = fs::read_dir(bed.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["thesis.txt"]);
    }
}

#[test]
fn a_crash_before_the_manifest_leaves_a_folder_that_can_be_begun() {
    let mut bed = Bed::new();
    fs::create_dir_all(bed.path()).unwrap();
    fs::write(bed.path().join("run.lock"), "4711\n").unwrap();
    fs::write(bed.path().join("run.tmp"), "{\"versi").unwrap();
    bed.begin();
}

#[test]
fn a_run_that_never_began_can_be_begun() {
    let mut bed = Bed::new();
    let folder = bed.begin();
    folder.never_began("feed x is not ours").unwrap();
    fs::write(folder.path().join("run.log.jsonl"), "").unwrap();
    drop(folder);
    bed.begin();
}

#[test]
fn a_manifest_that_is_not_one_is_named() {
    for text in ["", "{}", "not json", &json!({ "version": 2 }).to_string()] {
        let mut bed = Bed::new();
        drop(bed.begin());
        fs::write(bed.path().join("run.json"), text).unwrap();
        let error = bed.open().unwrap_err();
        assert!(error.to_string().contains("run.json: "), "{error}");
        assert_eq!(error.exit_code(), ExitCode::Usage);
    }
}

#[test]
fn a_report_is_written_whole_and_leaves_nothing_beside_it() {
    let mut bed = Bed::new();
    let folder = bed.begin();
    folder.write_report(&json!({ "long": "x".repeat(100_000) })).unwrap();
    folder.write_report(&report(ExitCode::Complete)).unwrap();
    let text = fs::read_to_string(folder.report_path()).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), report(ExitCode::Complete));
    assert!(!folder.path().join("report.tmp").exists());
}
