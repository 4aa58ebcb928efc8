//! Settings: layers, units, checks. See `config/default.toml` for every key.

mod settings;

pub use settings::*;
