//! A bed that is made: the site and the proxies on a thread of their own, and a folder with a config and a proxies file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use burdock::demo::proxy::Proxy;
use burdock::demo::site::{self, Site};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::bed::Bed;
use super::certificate::Certificate;
use super::process::Running;

/// Everything around the processes under test; dropped, it is gone.
pub struct World {
    pub site: Site,
    pub proxies: Vec<Proxy>,
    folder: TempDir,
    sets: Vec<String>,
    patience: Duration,
    _ground: Ground,
}

impl World {
    pub(super) fn make(bed: Bed) -> Self {
        let Bed {
            lists,
            per_list,
            faults,
            latency,
            condition,
            patience,
            https,
            certificate,
            proxies,
            direct,
            mistyped,
            sets,
            documents,
            files,
            recipe,
        } = bed;
        let folder = tempfile::tempdir().unwrap();
        let mut builder = site::Builder::new(lists, per_list).latency(latency).condition(condition);
        for (path, fault) in faults {
            builder = builder.fault(path, fault);
        }
        fs::write(folder.path().join("ca.pem"), certificate.authority).unwrap();
        fs::write(folder.path().join("other-ca.pem"), Certificate::for_loopback("another authority").authority)
            .unwrap();
        for (path, content_type, body) in documents {
            builder = builder.page(path, &content_type, body);
        }
        if https {
            builder = builder.tls(certificate.tls);
        }
        let (ground, (site, proxies)) = Ground::start(async move {
            let site = builder.start().await.unwrap();
            let mut running = Vec::new();
            for proxy in proxies {
                running.push(proxy.start().await.unwrap());
            }
            (site, running)
        });
        let line = |(place, proxy): (usize, &Proxy)| match mistyped.contains(&place) {
            true => proxy.line().replace('@', "x@") + "\n",
            false => proxy.line() + "\n",
        };
        let lines: String = proxies.iter().enumerate().map(line).collect();
        fs::write(folder.path().join("proxies.txt"), lines).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text.replace("{site}", site.url())).unwrap();
        }
        let recipe = recipe.unwrap_or_else(|| films(lists)).replace("{site}", site.url());
        let way = if direct { "direct = true" } else { "file = \"proxies.txt\"" };
        fs::write(folder.path().join("bed.toml"), recipe + "\n[proxies]\n" + way + SURROUNDINGS).unwrap();
        Self { site, proxies, folder, sets, patience, _ground: ground }
    }

    /// Starts `burdock run bed.toml` with the bed's settings and these arguments more, whose settings count.
    pub fn start(&self, args: &[&str]) -> Running {
        let sets = self.sets.iter().flat_map(|set| ["--set", set]);
        let all: Vec<_> = ["run", "bed.toml"].into_iter().chain(sets).chain(args.iter().copied()).collect();
        Running::start(self.folder.path(), &all)
    }

    /// Starts any command that takes a config, in the bed's folder and with its settings.
    pub fn command(&self, args: &[&str]) -> Running {
        let mut all = args.to_vec();
        for set in &self.sets {
            all.extend(["--set", set]);
        }
        Running::start(self.folder.path(), &all).within(self.patience)
    }

    /// Starts `burdock run bed.toml` with the bed's settings by another command, which is given all of its arguments.
    pub fn start_by(&self, mut command: Command) -> Running {
        command.args(["run", "bed.toml"]);
        for set in &self.sets {
            command.args(["--set", set]);
        }
        Running::start_command(self.folder.path(), command)
    }

    /// A file in the bed's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where run folders lie.
    pub fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    /// How many run folders there are.
    pub fn run_folders(&self) -> usize {
        fs::read_dir(self.runs()).unwrap().count()
    }

    /// A file in the run's folder.
    pub fn left(&self, name: &str) -> PathBuf {
        self.runs().join("bed").join(name)
    }
}

/// For the site's lists and details.
fn films(lists: u32) -> String {
    format!(
        r#"[crawl]
start = ["{{site}}/page/{{1..{lists}}}"]
start_stage = "list"
data_dir = "runs"
[stage.list]
links = [{{ select = "a.name", to = "detail" }}]
[stage.detail]
expect = "h2"
[stage.detail.fields]
title = {{ select = "h2", required = true }}
directors = {{ select = "div.directors.el-row p", all = true }}
"#
    )
}

/// Times are short, so that what hangs is seen soon; pages are logged, so that a test can follow them.
const SURROUNDINGS: &str = r#"
[pace]
delay = "0s"
jitter = 0.0
[fetch]
allow_private = true
connect_timeout = "3s"
head_timeout = "4s"
timeout = "6s"
ca_file = "ca.pem"
[retry]
backoff = "100ms"
[log]
format = "json"
level = "debug"
"#;

/// The thread that site and proxies run on, apart from whatever the test waits for.
struct Ground {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ground {
    fn start<T: Send + 'static>(setup: impl Future<Output = T> + Send + 'static) -> (Self, T) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, made) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                ready.send(setup.await).expect("the test waits for it");
                // Dropping the sender is the sign to stop.
                let _ = stopped.await;
            });
        });
        let made = made.recv().expect("site and proxies start");
        (Self { stop: Some(stop), thread: Some(thread) }, made)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
