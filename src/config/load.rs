//! From texts to settings: reads the layers, merges them, and has everything checked.
//!
//! A config file, the environment and `--set` come in; settings, or everything that is wrong, go out. What a key means is
//! not known here.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use config::Config;

use super::check::Checker;
use super::interpolate::Environment;
use super::layer::{Assignment, Layer, parse};
use super::merged::Merged;
use super::origin::Origin;
use super::problem::{Errors, Place, Problem};
use super::{Settings, show};
use crate::proxy::Secret;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// A config that is right.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// What is odd about it, a line each; for people, without secrets.
    pub warnings: Vec<String>,
    /// The file that proxies are read from, absolute.
    pub proxies_file: Option<PathBuf>,
    /// For each proxy of the settings, the line that it was read from.
    pub proxy_lines: Vec<Secret>,
    /// Every setting in the order of the contract: its key, its value as TOML with secrets redacted, and its origin.
    pub effective: Vec<(String, String, Origin)>,
}

/// Reads the config in `file`, with the environment `env` and the values of `--set` over it. `cwd` is absolute: it is where
/// the user stands.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(
    file: &Path,
    sets: &[String],
    env: impl Iterator<Item = (String, String)>,
    cwd: &Path,
) -> Result<Loaded, Errors> {
    let name = file.display().to_string();
    let path = cwd.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => load_text(&name, &text, path.parent().unwrap_or(cwd), sets, env, cwd),
        Err(error) => {
            let help = match error.kind() {
                ErrorKind::InvalidData => "a config is text in UTF-8",
                ErrorKind::IsADirectory => "name the config in it",
                _ => "name a config: burdock run CONFIG; `burdock demo` shows a whole crawl without one",
            };
            let problem = Problem::new(Place::In(name.clone()), format!("cannot read the config: {error}"), help);
            Err(Errors::new(vec![problem], &name))
        }
    }
}

/// Reads a config from its text, as [`load`] does. Errors call it `name`, and the run is named after that unless the config
/// has a name; paths in it are relative to `base_dir`.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_text(
    name: &str,
    text: &str,
    base_dir: &Path,
    sets: &[String],
    env: impl Iterator<Item = (String, String)>,
    cwd: &Path,
) -> Result<Loaded, Errors> {
    let environment: Environment = env.collect();
    let fail = |problems| Errors::new(problems, name);
    let mut checker = Checker::new(&environment);
    let config = merge(name, text, sets, &environment, &mut checker).map_err(fail)?;
    let mut merged = Merged::new(config, checker, name, base_dir, cwd);
    let settings = merged.settings();
    match settings {
        Some(settings) if merged.problems.is_empty() => {
            let effective = show::effective(&merged, &settings);
            let proxies_file = merged.path("proxies.file");
            let (warnings, proxy_lines) = (merged.warnings, merged.proxy_lines);
            Ok(Loaded { settings, warnings, proxies_file, proxy_lines, effective })
        }
        _ => Err(fail(merged.problems)),
    }
}

/// Merges the layers, as far as each is right; what is wrong is left with the checker. A text that is not TOML ends it.
fn merge(
    name: &str,
    text: &str,
    sets: &[String],
    environment: &Environment,
    checker: &mut Checker<'_>,
) -> Result<Config, Vec<Problem>> {
    let defaults = parse(DEFAULTS, &|_| Origin::Default)?;
    let file = parse(text, &|line| Origin::File { name: name.to_owned(), line })?;
    let mut config = Config::default();
    for tree in [defaults, file] {
        let layer = Layer(checker.layer(tree));
        config = over(config, layer)?;
    }
    let variables = environment.iter().filter_map(|(name, value)| Assignment::from_environment(name, value));
    let sets = sets.iter().map(|set| Assignment::from_set(set));
    for assignment in variables.map(Ok).chain(sets) {
        match assignment.and_then(|assignment| assignment.onto(&config.cache)) {
            Ok(tree) => {
                let layer = Layer(checker.layer(tree));
                config = over(config, layer)?;
            }
            Err(problem) => checker.problems.push(problem),
        }
    }
    Ok(config)
}

fn over(config: Config, layer: Layer) -> Result<Config, Vec<Problem>> {
    let merged = Config::builder().add_source(config).add_source(layer).build();
    merged.map_err(|error| vec![Problem::new(Place::Nowhere, error.to_string(), "")])
}
