//! Settings: layers, units, checks. See `config/default.toml` for every key.
//!
//! A file, the environment and `--set` come in; [`Settings`] go out, or everything that is wrong at once. The layers are
//! compiled-in defaults, the file, the environment (`BURDOCK__SECTION__KEY`), `--set`; later ones win, tables merge key by
//! key, arrays are replaced whole. Nothing here knows how a crawl works.

mod check;
mod feeds;
mod interpolate;
mod layer;
mod load;
mod merged;
mod origin;
mod problem;
mod proxies;
mod schema;
mod settings;
mod show;
mod stages;
mod start_file;
mod starts;
mod summary;
mod text;
mod unit;
mod wording;

pub use load::{Loaded, load, load_text};
pub use origin::Origin;
pub use problem::{Errors, suggestion};
pub use settings::*;
pub use show::show;
pub use summary::opening_line;

#[cfg(test)]
mod tests;
