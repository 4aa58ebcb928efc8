//! Configs as their owners see them: small texts in, settings or whole messages out.
//!
//! Here is the folder that all of these tests start from.

mod errors;
mod layers;
mod summary;

use std::fs;
use std::path::Path;

use super::{Errors, Loaded, load};

/// A folder with a `crawl.toml` and what belongs to it.
struct Folder {
    dir: tempfile::TempDir,
    sets: Vec<String>,
    env: Vec<(String, String)>,
}

/// The least that a config needs.
const STAGE: &str = "[stage.page.fields]\ntitle = \"h1\"\n";
const START: &str = "[crawl]\nstart = [\"https://shop.example/\"]\n";
const PROXIES: &str = "[proxies]\nlist = [\"proxy.example:8080\"]\n";

impl Folder {
    fn new(config: &str) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), sets: Vec::new(), env: Vec::new() }.file("crawl.toml", config)
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn set(mut self, set: &str) -> Self {
        self.sets.push(set.into());
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn load_named(&self, name: &str) -> Result<Loaded, Errors> {
        load(Path::new(name), &self.sets, self.env.clone().into_iter(), self.dir.path())
    }

    #[track_caller]
    fn load(&self) -> Loaded {
        self.load_named("crawl.toml").unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[track_caller]
    fn fails(&self) -> String {
        match self.load_named("crawl.toml") {
            Ok(_) => panic!("there is nothing wrong with it"),
            Err(errors) => errors.to_string(),
        }
    }
}

/// A config that is right but for what is added to it.
fn with(more: &str) -> Folder {
    Folder::new(&format!("{START}{STAGE}{PROXIES}{more}"))
}

#[track_caller]
fn fails(config: &str, message: &str) {
    assert_eq!(Folder::new(config).fails(), message);
}
