//! What a perfect crawl of the site yields: the details that can be reached and read, faults considered.
//!
//! Pure. In come pages and faults; out comes one [`Expected`] a record.

use std::collections::{BTreeSet, HashMap};

use super::fault::{Fault, Yield};
use super::pages::{Page, Pages};

/// Redirects that are followed; a crawler that follows more gets nothing either, as there are only loops beyond.
const MAX_MOVES: usize = 5;

/// One record of a perfect crawl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The address that its list links to.
    pub url: String,
    /// The heading.
    pub title: String,
    /// The names of the directors, white space folded; there may be none.
    pub directors: Vec<String>,
}

/// The truth about the site at `base` (`http://host:port`), in the order of the details.
pub(super) fn of(pages: &Pages, faults: &HashMap<String, Fault>, base: &str) -> Vec<Expected> {
    let lists = (1..=pages.lists).filter_map(|n| match read(pages, faults, &format!("/page/{n}")) {
        Some(Page::List(n)) => Some(n),
        Some(Page::Detail(_)) | None => None,
    });
    // Two lists may lead to the same details when one has moved to the other.
    let linked: BTreeSet<u32> = lists.flat_map(|n| pages.details_of(n)).collect();
    let expected = linked.into_iter().filter_map(|id| {
        let path = format!("/detail/{id}");
        let Some(Page::Detail(shown)) = read(pages, faults, &path) else { return None };
        let detail = pages.detail(shown);
        Some(Expected { url: format!("{base}{path}"), title: detail.title, directors: detail.directors })
    });
    expected.collect()
}

/// The page that is read in the end by asking for `path`.
fn read(pages: &Pages, faults: &HashMap<String, Fault>, path: &str) -> Option<Page> {
    let mut path = path;
    for _ in 0..=MAX_MOVES {
        match faults.get(path).map_or(Yield::Itself, Fault::yields) {
            Yield::Itself => return pages.at(path),
            Yield::Other(to) => path = to,
            Yield::Nothing => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_takes_its_page_and_what_only_that_page_links_to_out_of_the_truth() {
        let pages = Pages { lists: 3, per_list: 2, seed: 1 };
        let faults: HashMap<_, _> = [
            ("/page/1".to_owned(), Fault::Status(500)),
            ("/detail/3".to_owned(), Fault::Status(404)),
            ("/detail/5".to_owned(), Fault::Moved("/detail/4".to_owned())),
            ("/detail/6".to_owned(), Fault::Throttled { status: 429, retry_after: None, first: 2 }),
        ]
        .into();
        let truth = of(&pages, &faults, "http://h");
        let urls: Vec<_> = truth.iter().map(|expected| expected.url.as_str()).collect();
        assert_eq!(urls, ["http://h/detail/4", "http://h/detail/5", "http://h/detail/6"]);
        assert_eq!(truth[1].title, truth[0].title, "a moved page says what its new place says");
    }

    #[test]
    fn pages_that_move_in_a_circle_yield_nothing() {
        let pages = Pages { lists: 1, per_list: 2, seed: 1 };
        let to = |path: &str| Fault::Moved(path.to_owned());
        let faults = [("/detail/1".to_owned(), to("/detail/2")), ("/detail/2".to_owned(), to("/detail/1"))].into();
        assert_eq!(of(&pages, &faults, ""), []);
    }
}
