//! Where a crawl starts: the templates of the config in order, then the rows of its start file.
//!
//! Both are read lazily: a million addresses cost nothing until they are asked for. Reads the start file, and nothing else.

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use siphasher::sip::SipHasher13;
use url::Url;

use super::start_file::{OpenError, StartFileError};
use super::{DropParams, Expansion, StartFile, StartRow, Template, canonical};
use crate::config::Crawl;
use crate::task::Meta;

/// One address to start from.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The canonical address.
    pub url: Url,
    /// The name of its stage; none is the start stage.
    pub stage: Option<String>,
    /// What the start file has beside it.
    pub meta: Meta,
}

/// How far start URLs have been read: how many, and a digest of their texts in order. It tells whether a list begins as it
/// did when it was read last, so that reading can go on where it stopped and lines added since are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartMark {
    /// How many were read.
    pub read: u64,
    /// A digest of them.
    pub digest: u64,
}

impl StartMark {
    /// The mark after one more text.
    #[must_use]
    pub fn after(self, text: &str) -> Self {
        // Not keyed: whoever edits a start list may crawl what they like.
        let mut hasher = SipHasher13::new_with_keys(self.read, self.digest);
        hasher.write(text.as_bytes());
        Self { read: self.read + 1, digest: hasher.finish() }
    }
}

/// All start URLs of a config, lazily.
///
/// An item is an error if the start file cannot be read on, or if a row of it cannot be used after all. The latter does not
/// end it.
#[derive(Debug)]
pub struct Starts {
    templates: std::vec::IntoIter<Template>,
    current: Option<Expansion>,
    templated: u64,
    file: Option<(StartFile, PathBuf)>,
    /// One row is read ahead, so that the end of the file is known when its last row is given out.
    ahead: Option<Result<StartRow, StartFileError>>,
    drop_params: DropParams,
    none: Meta,
    mark: StartMark,
}

impl Starts {
    /// Opens the start URLs of `[crawl]`.
    ///
    /// # Errors
    /// A template that does not parse, and a start file that cannot be opened.
    pub fn open(crawl: &Crawl) -> io::Result<Self> {
        let templates = templates(crawl)?;
        let templated = templates.iter().map(Template::count).fold(0, u64::saturating_add);
        let mut file = open_file(crawl)?;
        let ahead = file.as_mut().and_then(|(file, _)| file.next());
        Ok(Self {
            templates: templates.into_iter(),
            current: None,
            templated,
            file,
            ahead,
            drop_params: DropParams::new(&crawl.drop_params),
            none: Meta::default(),
            mark: StartMark::default(),
        })
    }

    /// Opens them where `mark` was taken, if what comes before it is what it was then; otherwise at the beginning.
    ///
    /// # Errors
    /// Those of [`Self::open`], and of reading up to the mark.
    pub fn open_at(crawl: &Crawl, mark: StartMark) -> io::Result<Self> {
        let mut starts = Self::open(crawl)?;
        while starts.mark.read < mark.read && starts.next_unparsed().transpose()?.is_some() {}
        if starts.mark == mark { Ok(starts) } else { Self::open(crawl) }
    }

    /// How far they have been read.
    pub const fn mark(&self) -> StartMark {
        self.mark
    }

    /// How many are left, as far as that is cheap to know: not while rows of a file are left.
    pub fn unread(&self) -> Option<u64> {
        if self.ahead.is_some() { None } else { Some(self.templated) }
    }

    /// The next text, with what belongs to it.
    fn next_unparsed(&mut self) -> Option<io::Result<(String, Option<String>, Meta)>> {
        if let Some(text) = self.next_templated() {
            self.mark = self.mark.after(&text);
            return Some(Ok((text, None, Arc::clone(&self.none))));
        }
        self.current = None;
        let StartRow { line: _, url, stage, meta } = match self.next_row()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let stage_too = format!("{url}\n{}", stage.as_deref().unwrap_or_default());
        self.mark = self.mark.after(if stage.is_some() { &stage_too } else { &url });
        let meta = if meta.is_empty() { Arc::clone(&self.none) } else { Arc::new(meta) };
        Some(Ok((url, stage, meta)))
    }

    fn next_templated(&mut self) -> Option<String> {
        loop {
            if let Some(text) = self.current.as_mut().and_then(Iterator::next) {
                self.templated = self.templated.saturating_sub(1);
                return Some(text);
            }
            self.current = Some(self.templates.next()?.expand());
        }
    }

    fn next_row(&mut self) -> Option<io::Result<StartRow>> {
        let row = self.ahead.take()?;
        let (file, path) = self.file.as_mut()?;
        self.ahead = file.next();
        Some(row.map_err(|error| unusable(path, &error)))
    }

    fn start(&self, text: &str, stage: Option<String>, meta: Meta) -> io::Result<Start> {
        let url = Url::parse(text).map_err(|error| invalid(format!("a start URL: {error}")))?;
        Ok(Start { url: canonical(&url, &self.drop_params), stage, meta })
    }
}

impl Iterator for Starts {
    type Item = io::Result<Start>;

    fn next(&mut self) -> Option<Self::Item> {
        let (url, stage, meta) = match self.next_unparsed()? {
            Ok(unparsed) => unparsed,
            Err(error) => return Some(Err(error)),
        };
        Some(self.start(&url, stage, meta))
    }
}

/// The host names of all start URLs, as [`Url::host_str`] writes them. Expands templates only as far as their hosts go, and
/// reads the start file through.
///
/// # Errors
/// A template that does not parse, and a start file that cannot be read.
pub fn start_hosts(crawl: &Crawl) -> io::Result<BTreeSet<String>> {
    let mut hosts = BTreeSet::new();
    let mut take = |text: &str| {
        let url = Url::parse(text).ok();
        // Most are there already: no copy is made of those.
        if let Some(host) = url.as_ref().and_then(Url::host_str).filter(|host| !hosts.contains(*host)) {
            hosts.insert(host.to_owned());
        }
    };
    for template in templates(crawl)? {
        template.up_to_the_path().expand().for_each(|text| take(&text));
    }
    if let Some((file, path)) = open_file(crawl)? {
        for row in file {
            take(&row.map_err(|error| unusable(&path, &error))?.url);
        }
    }
    Ok(hosts)
}

fn templates(crawl: &Crawl) -> io::Result<Vec<Template>> {
    crawl.start.iter().map(|text| Template::parse(text).map_err(|error| invalid(error.to_string()))).collect()
}

fn open_file(crawl: &Crawl) -> io::Result<Option<(StartFile, PathBuf)>> {
    let Some(path) = &crawl.start_file else { return Ok(None) };
    match StartFile::open(path) {
        Ok(file) => Ok(Some((file, path.clone()))),
        Err(OpenError::Io(error)) => {
            Err(io::Error::new(error.kind(), format!("cannot open {}: {error}", path.display())))
        }
        Err(error) => Err(invalid(format!("{}: {error}", path.display()))),
    }
}

fn unusable(path: &Path, error: &StartFileError) -> io::Error {
    invalid(format!("{}:{}: {error}", path.display(), error.line()))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::{Count, Hosts, KeepPages};

    fn crawl(start: &[&str], file: Option<&[u8]>) -> (Crawl, Option<tempfile::NamedTempFile>) {
        crawl_with(start, file, ".txt")
    }

    fn crawl_with(start: &[&str], file: Option<&[u8]>, suffix: &str) -> (Crawl, Option<tempfile::NamedTempFile>) {
        let file = file.map(|text| {
            let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
            file.write_all(text).unwrap();
            file
        });
        let crawl = Crawl {
            name: "t".into(),
            start: start.iter().map(|&text| text.to_owned()).collect(),
            start_file: file.as_ref().map(|file| file.path().to_owned()),
            start_stage: "list".into(),
            hosts: Hosts::Start,
            drop_params: vec!["sid".into()],
            workers: Count::Auto,
            threads: Count::Auto,
            data_dir: "runs".into(),
            keep_pages: KeepPages::default(),
        };
        (crawl, file)
    }

    fn all(crawl: &Crawl) -> Vec<String> {
        Starts::open(crawl).unwrap().map(|start| start.unwrap().url.to_string()).collect()
    }

    #[test]
    fn templates_come_first_and_lines_of_the_file_literally_after_them() {
        let file =
            "\u{feff}http://c.example/#x\r\n\r\n# not this\n  http://d.example/{1..2}  \nHTTP://E.example".as_bytes();
        let (crawl, _file) = crawl(&["http://a.example/{1..2}", "http://b.example/"], Some(file));
        assert_eq!(
            all(&crawl),
            [
                "http://a.example/1",
                "http://a.example/2",
                "http://b.example/",
                "http://c.example/",
                "http://d.example/%7B1..2%7D",
                "http://e.example/"
            ]
        );
    }

    #[test]
    fn what_is_left_is_known_exactly_when_nothing_is_left() {
        let (with_file, _file) = crawl(&["http://a.example/{1..2}"], Some(b"http://b.example/\n# end\n\n"));
        let mut starts = Starts::open(&with_file).unwrap();
        for _ in 0..2 {
            assert_eq!(starts.unread(), None);
            starts.next().unwrap().unwrap();
        }
        assert_eq!(starts.unread(), None);
        starts.next().unwrap().unwrap();
        assert_eq!(starts.unread(), Some(0));
        assert!(starts.next().is_none());

        let (plain, _) = crawl(&["http://a.example/{1..1000000000}", "http://b.example/{a,b}"], None);
        let mut starts = Starts::open(&plain).unwrap();
        assert_eq!(starts.unread(), Some(1_000_000_002));
        starts.next().unwrap().unwrap();
        assert_eq!(starts.unread(), Some(1_000_000_001));
    }

    #[test]
    fn what_is_to_be_dropped_is_in_no_start_url() {
        let (crawl, _file) = crawl(&["http://a.example/?sid={1..2}&b"], Some(b"http://c.example/?sid=3\n"));
        assert_eq!(all(&crawl), ["http://a.example/?b", "http://a.example/?b", "http://c.example/"]);
    }

    #[test]
    fn rows_keep_their_stage_and_meta() {
        let rows = b"url,stage,client\nhttp://a.example/#x,detail,Ann\n";
        let (crawl, _file) = crawl_with(&["http://b.example/"], Some(rows), ".csv");
        let starts: Vec<_> = Starts::open(&crawl).unwrap().map(Result::unwrap).collect();
        assert_eq!((starts[0].stage.as_deref(), starts[0].meta.len()), (None, 0));
        assert_eq!((starts[1].url.as_str(), starts[1].stage.as_deref()), ("http://a.example/", Some("detail")));
        assert_eq!(starts[1].meta["client"], "Ann");
    }

    #[test]
    fn a_list_goes_on_where_it_was_left_if_its_beginning_is_unchanged() {
        let rest_after_two = |before: &[u8], now: &[u8]| {
            let (then, _file) = crawl(&["http://a.example/{1..1}"], Some(before));
            let mut starts = Starts::open(&then).unwrap();
            starts.by_ref().take(2).for_each(|url| drop(url.unwrap()));
            let (now, _file) = crawl(&["http://a.example/{1..1}"], Some(now));
            let rest = Starts::open_at(&now, starts.mark()).unwrap();
            rest.map(|url| url.unwrap().url.path().to_owned()).collect::<Vec<_>>()
        };
        let list = b"http://a.example/2\nhttp://a.example/3\n";
        assert_eq!(rest_after_two(list, list), ["/3"]);
        assert_eq!(rest_after_two(list, b"http://a.example/2\nhttp://a.example/3\nhttp://a.example/4"), ["/3", "/4"]);
        assert_eq!(rest_after_two(list, b"http://a.example/0\nhttp://a.example/2\n"), ["/1", "/0", "/2"]);
        assert_eq!(rest_after_two(list, b""), ["/1"]);
    }

    #[test]
    fn a_line_that_is_no_url_is_an_error_and_not_the_end() {
        let (crawl, _file) = crawl(&[], Some(b"nonsense\nhttp://a.example/\n"));
        let items: Vec<bool> = Starts::open(&crawl).unwrap().map(|item| item.is_ok()).collect();
        assert_eq!(items, [false, true]);
    }

    #[test]
    fn a_line_that_is_not_text_is_an_error_naming_it_and_not_the_end() {
        let (crawl, _file) = crawl(&[], Some(b"http://a.example/\n\xff\xfe\nhttp://b.example/\n"));
        let items: Vec<_> = Starts::open(&crawl).unwrap().collect();
        assert_eq!(items.len(), 3);
        assert!(items[1].as_ref().unwrap_err().to_string().contains(":2: "));
    }

    #[test]
    fn start_hosts_are_found_without_expanding_paths() {
        let (crawl, _file) = crawl(
            &[
                "http://a.example:81/{1..1000000000000}",
                "https://{x,y}.example/{1..9}",
                "http://s{1..3}.example?q={1..9}",
            ],
            Some(b"http://[::1]/\nhttp://f.example/\n"),
        );
        let hosts: Vec<String> = start_hosts(&crawl).unwrap().into_iter().collect();
        assert_eq!(
            hosts,
            ["[::1]", "a.example", "f.example", "s1.example", "s2.example", "s3.example", "x.example", "y.example"]
        );
    }

    #[test]
    fn starts_may_cross_threads() {
        fn sent<T: Send + 'static>(_: T) {}
        sent(Starts::open(&crawl(&[], None).0).unwrap());
    }
}
