//! The real binary as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::harness::{PATIENCE, eventually};

/// A running `sluice serve` on a free port, with its data and its log (the file `log`) in a folder of its own.
pub(crate) struct Binary {
    child: Child,
    base: String,
    /// None once it was handed out.
    folder: Option<TempDir>,
}

impl Binary {
    /// Starts it with these environment variables and none of this process's.
    pub(crate) async fn start(environment: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().unwrap(), environment).await
    }

    /// The same in a folder, for instance that of one that ended.
    pub(crate) async fn start_in(folder: TempDir, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(cargo_bin("sluice"))
            .env_clear()
            .env("SLUICE_DATA_DIR", folder.path())
            .env("SLUICE_LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (found, base) = oneshot::channel();
        // Reads on to the end: what it says later must not block it.
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in output.lines().map_while(Result::ok) {
                if let Some(start) = line.find("http://")
                    && let Some(found) = found.take()
                {
                    let url = line[start..].split(char::is_whitespace).next().unwrap_or_default();
                    drop(found.send(url.trim_end_matches('/').to_owned()));
                }
            }
        });
        let base =
            tokio::time::timeout(PATIENCE, base).await.expect("a start in time").expect("it says where it listens");
        Self { child, base, folder: Some(folder) }
    }

    /// The URL of a path of the gateway.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Where its data is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Id of the process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.process_id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Ends it with SIGKILL and hands out its folder.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::take(&mut self.folder).unwrap()
    }

    /// Ends it with SIGTERM, expects exit status 0, and hands out its folder.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.terminate();
        let ended = eventually(PATIENCE, || {
            let ended = self.child.try_wait().unwrap();
            async move { ended.is_some() }
        });
        assert!(ended.await, "it did not end in time");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        std::mem::take(&mut self.folder).unwrap()
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
