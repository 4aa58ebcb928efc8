//! One page, from bytes to what is on it: text, extraction, and the links and records as the frontier takes them.
//!
//! What comes in: a body and its task. What goes out: [`Extracted`], then new tasks and records. It must not know proxies;
//! large bodies are read off the arbiter, where they would make the neighbours' timers fire late.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::address::{DropParams, Scope};
use crate::extract::{self, Extracted, FoundLink, Page, Recipe};
use crate::record::{Provenance, Record};
use crate::task::{Meta, NewTask, Request, StageId, Task};
use crate::verdict::Reason;
use crate::worker::ban::Watch;

/// Bodies above this many bytes are read on another thread: extraction takes some 20 µs a KiB.
const LARGE: usize = 256 * 1024;

/// The runtime went away while a page was being read.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// An answer that may be a page.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    /// The stage that reads it.
    pub(crate) stage: StageId,
    /// Its final address.
    pub(crate) url: Url,
    /// `Content-Type`
    pub(crate) content_type: Option<String>,
    /// The body, decompressed.
    pub(crate) body: Bytes,
    /// What its task carries.
    pub(crate) meta: Meta,
    /// What is no part of its links.
    pub(crate) drop_params: Arc<DropParams>,
}

impl Unread {
    /// Reads it, and looks for the signs of a ban. A panic in there is a panic here, on whichever thread it happened.
    ///
    /// # Errors
    /// The runtime is ending.
    pub(crate) async fn read(
        self,
        recipe: &Arc<Recipe>,
        watch: Watch,
    ) -> Result<(Extracted, Option<Reason>), Interrupted> {
        let recipe = Arc::clone(recipe);
        self.apart(move |unread| unread.read_here(&recipe, &watch)).await
    }

    /// Only looks for the signs of a ban.
    ///
    /// # Errors
    /// The runtime is ending.
    pub(crate) async fn search(self, watch: Watch) -> Result<Option<Reason>, Interrupted> {
        if watch.is_settled() {
            return Ok(watch.settle("", &[]));
        }
        self.apart(move |unread| {
            let text = unread.text();
            watch.settle(&text, &extract::look(&text, &watch.selectors()))
        })
        .await
    }

    /// Does `work`, and if there is much of it on a thread of its own.
    async fn apart<T: Send + 'static>(self, work: impl FnOnce(&Self) -> T + Send + 'static) -> Result<T, Interrupted> {
        if self.body.len() <= LARGE {
            return Ok(work(&self));
        }
        match actix_rt::task::spawn_blocking(move || work(&self)).await {
            Ok(done) => Ok(done),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => std::panic::resume_unwind(payload),
                Err(_cancelled) => Err(Interrupted),
            },
        }
    }

    fn text(&self) -> Cow<'_, str> {
        super::text::decode(self.content_type.as_deref(), &self.url, &self.body)
    }

    fn read_here(&self, recipe: &Recipe, watch: &Watch) -> (Extracted, Option<Reason>) {
        #[cfg(test)]
        crate::worker::bed::panic_if_asked_to(&self.url);
        let text = self.text();
        let page = Page { url: &self.url, text: &text, meta: &self.meta, drop_params: &self.drop_params };
        let marks = if watch.is_settled() { Vec::new() } else { watch.selectors() };
        let (extracted, found) = extract::read_and_look(recipe.stage(self.stage), &page, &marks);
        (extracted, watch.settle(&text, &found))
    }
}

/// The links of a page at `from`, as tasks. Those that lead out of scope are there too, to be counted.
pub(crate) fn tasks(links: Vec<FoundLink>, task: &Task, from: &Url, recipe: &Recipe, scope: &Scope) -> Vec<NewTask> {
    let referrer: Arc<str> = from.as_str().into();
    let new = |link: FoundLink| NewTask {
        stage: link.to,
        priority: recipe.stage(link.to).priority(),
        depth: task.depth.saturating_add(1),
        meta: Arc::default(),
        referrer: Some(Arc::clone(&referrer)),
        start_url: Arc::clone(&task.start_url),
        excluded: scope.admit(&link.url).err(),
        request: Request::get(link.url),
    };
    links.into_iter().map(new).collect()
}

/// The rows of a page as records.
pub(crate) fn records(rows: Vec<Vec<serde_json::Value>>, task: &Task, provenance: &Arc<Provenance>) -> Vec<Record> {
    let new = |(index, values)| Record {
        task: task.id,
        index,
        stage: task.stage,
        provenance: Arc::clone(provenance),
        values,
    };
    (0..).zip(rows).map(new).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::worker::bed;

    /// How often the neighbours on this thread got to run while a page with `paragraphs` was being read.
    async fn turns_while_reading(paragraphs: usize) -> usize {
        let body = format!("<h2>title</h2>{}", "<p>and more</p>".repeat(paragraphs)).into();
        let (meta, drop_params) = Default::default();
        let unread = Unread {
            stage: bed::DETAIL,
            url: bed::url("http://site.test/"),
            content_type: None,
            body,
            meta,
            drop_params,
        };
        let (recipe, done, turns) = (Arc::new(bed::recipe()), Cell::new(false), Cell::new(0));
        let reading = async {
            let extracted = unread.read(&recipe, bed::no_signs()).await.unwrap().0;
            assert_eq!(extracted.shortfall, None);
            done.set(true);
        };
        let neighbour = async {
            while !done.get() {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        futures_util::join!(reading, neighbour);
        turns.get()
    }

    #[actix_rt::test]
    async fn neighbours_go_on_while_a_page_of_ten_mebibytes_is_read() {
        assert_eq!(turns_while_reading(1).await, 0, "a small page is read at once");
        assert!(turns_while_reading(10 << 20 >> 4).await > 100, "a large one keeps the thread");
    }
}
