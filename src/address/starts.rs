//! Where a crawl starts: the templates of the config in order, then the lines of its start file.
//!
//! Both are read lazily: a million addresses cost nothing until they are asked for. Reads the start file, and nothing else.

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;
use url::Url;

use super::{Expansion, Template, canonical};
use crate::config::Crawl;

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

/// All start URLs of a config, lazily; the items are canonical.
///
/// An item is an error if the start file cannot be read on, or if a text is no URL after all. The latter does not end it.
#[derive(Debug)]
pub struct Starts {
    templates: std::vec::IntoIter<Template>,
    current: Option<Expansion>,
    templated: u64,
    file: Option<StartFile>,
    /// One line is read ahead, so that the end of the file is known when its last line is given out.
    ahead: Option<io::Result<(u64, String)>>,
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
        let mut file = crawl.start_file.as_deref().map(StartFile::open).transpose()?;
        let ahead = file.as_mut().and_then(Iterator::next);
        Ok(Self { templates: templates.into_iter(), current: None, templated, file, ahead, mark: StartMark::default() })
    }

    /// Opens them where `mark` was taken, if what comes before it is what it was then; otherwise at the beginning.
    ///
    /// # Errors
    /// Those of [`Self::open`], and of reading up to the mark.
    pub fn open_at(crawl: &Crawl, mark: StartMark) -> io::Result<Self> {
        let mut starts = Self::open(crawl)?;
        while starts.mark.read < mark.read && starts.next_text().transpose()?.is_some() {}
        if starts.mark == mark { Ok(starts) } else { Self::open(crawl) }
    }

    /// How far they have been read.
    pub const fn mark(&self) -> StartMark {
        self.mark
    }

    /// How many are left, as far as that is cheap to know: not while lines of a file are left.
    pub fn unread(&self) -> Option<u64> {
        if self.ahead.is_some() { None } else { Some(self.templated) }
    }

    fn next_text(&mut self) -> Option<io::Result<String>> {
        let text = self.unmarked_text()?;
        if let Ok(text) = &text {
            self.mark = self.mark.after(text);
        }
        Some(text)
    }

    fn unmarked_text(&mut self) -> Option<io::Result<String>> {
        loop {
            if let Some(text) = self.current.as_mut().and_then(Iterator::next) {
                self.templated = self.templated.saturating_sub(1);
                return Some(Ok(text));
            }
            match self.templates.next() {
                Some(template) => self.current = Some(template.expand()),
                None => break,
            }
        }
        self.current = None;
        let line = self.ahead.take()?;
        // After a failed read nothing more can be trusted to be the rest of the file.
        self.ahead = if line.is_ok() { self.file.as_mut().and_then(Iterator::next) } else { None };
        Some(line.map(|(_, text)| text))
    }
}

impl Iterator for Starts {
    type Item = io::Result<Url>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = match self.next_text()? {
            Ok(text) => text,
            Err(error) => return Some(Err(error)),
        };
        Some(Url::parse(&text).map(|url| canonical(&url)).map_err(|error| invalid(format!("a start URL: {error}"))))
    }
}

/// The host names of all start URLs, as [`Url::host_str`] writes them. Expands templates only as far as their hosts go.
///
/// # Errors
/// A template that does not parse, and a start file that cannot be read.
pub fn start_hosts(crawl: &Crawl) -> io::Result<BTreeSet<String>> {
    let mut hosts = BTreeSet::new();
    let mut take = |text: &str| {
        hosts.extend(Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)));
    };
    for template in templates(crawl)? {
        template.up_to_the_path().expand().for_each(|text| take(&text));
    }
    if let Some(path) = &crawl.start_file {
        for line in StartFile::open(path)? {
            take(&line?.1);
        }
    }
    Ok(hosts)
}

fn templates(crawl: &Crawl) -> io::Result<Vec<Template>> {
    crawl.start.iter().map(|text| Template::parse(text).map_err(|error| invalid(error.to_string()))).collect()
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The addresses in a start file, with their line numbers from 1: a URL a line, blank lines and comments skipped, CRLF and
/// a byte order mark tolerated. Nothing in it is a template.
#[derive(Debug)]
pub struct StartFile {
    lines: BufReader<File>,
    path: PathBuf,
    number: u64,
    failed: bool,
}

impl StartFile {
    /// Opens a start file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let lines = BufReader::new(File::open(path)?);
        Ok(Self { lines, path: path.to_owned(), number: 0, failed: false })
    }

    fn read(&mut self) -> io::Result<Option<(u64, String)>> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let line = if self.number == 1 { line.trim_start_matches('\u{feff}') } else { &line };
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                return Ok(Some((self.number, line.to_owned())));
            }
        }
    }
}

impl Iterator for StartFile {
    type Item = io::Result<(u64, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let line = self.read();
        self.failed = line.is_err();
        line.map_err(|error| {
            io::Error::new(error.kind(), format!("{}:{}: {error}", self.path.display(), self.number + 1))
        })
        .transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::{Count, Hosts};

    fn crawl(start: &[&str], file: Option<&[u8]>) -> (Crawl, Option<tempfile::NamedTempFile>) {
        let file = file.map(|text| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text).unwrap();
            file
        });
        let crawl = Crawl {
            name: "t".into(),
            start: start.iter().map(|&text| text.to_owned()).collect(),
            start_file: file.as_ref().map(|file| file.path().to_owned()),
            start_stage: "list".into(),
            hosts: Hosts::Start,
            workers: Count::Auto,
            threads: Count::Auto,
            data_dir: "runs".into(),
        };
        (crawl, file)
    }

    fn all(crawl: &Crawl) -> Vec<String> {
        Starts::open(crawl).unwrap().map(|url| url.unwrap().to_string()).collect()
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
    fn a_list_goes_on_where_it_was_left_if_its_beginning_is_unchanged() {
        let rest_after_two = |before: &[u8], now: &[u8]| {
            let (then, _file) = crawl(&["http://a.example/{1..1}"], Some(before));
            let mut starts = Starts::open(&then).unwrap();
            starts.by_ref().take(2).for_each(|url| drop(url.unwrap()));
            let (now, _file) = crawl(&["http://a.example/{1..1}"], Some(now));
            let rest = Starts::open_at(&now, starts.mark()).unwrap();
            rest.map(|url| url.unwrap().path().to_owned()).collect::<Vec<_>>()
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
    fn a_file_that_is_not_text_ends_with_an_error_naming_the_line() {
        let (crawl, _file) = crawl(&[], Some(b"http://a.example/\n\xff\xfe\nhttp://b.example/\n"));
        let items: Vec<_> = Starts::open(&crawl).unwrap().collect();
        assert_eq!(items.len(), 2);
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
